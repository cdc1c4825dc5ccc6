import assert from 'node:assert/strict';
import {readFile, writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {runProgram} from './program.ts';
import {conditionOf, fetchText, nodePortOf, untilGone, untilReady} from './workspaces.ts';

/** The job that Nexus is for, from a repository to nothing left of it; each test goes on where the last one ended. */
onBackend(backends[0], ({socket, tarball}) => {
  let nexus: Installation;
  let repository: string;

  test.before(async () => {
    nexus = await createInstallation({socket, tarball});
    repository = await nexus.sample('hello');
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const apply = () => nexus.cliWith({cwd: repository}, 'apply', '-f', '.nexus/config.yaml');
  const hello = () => nexus.client().get('Workspace', 'hello');
  const ssh = async (...command: readonly string[]) =>
    await runProgram('ssh', [...(await nexus.sshArguments('hello')), ...command], {
      cwd: nexus.folder,
      env: {PATH: process.env.PATH, HOME: nexus.folder},
    });
  const mainPids = async () =>
    Object.fromEntries(
      await Promise.all(
        ['store', 'api', 'web'].map(async name => {
          const {stdout} = await ssh('pgrep', '-f', `services/${name}.js`);
          const pids = stdout.trim().split(/\s+/);
          // bash -c execs its last command, or stays as its parent: the newest is the service itself.
          return [name, pids.at(-1) ?? ''] as const;
        }),
      ),
    );

  // Without bundles nothing but a remote could be cloned; without the plan nothing would come up.
  test.serial('a repository without a remote becomes a workspace that is Ready', async t => {
    const applied = await apply();
    t.is(applied.code, 0, applied.stderr);
    t.regex(applied.stdout, /workspace\/hello created/);

    const waited = await nexus.cli('wait', 'workspace/hello', '--for=condition=Ready', '--timeout', '2m');
    t.is(waited.code, 0, waited.stderr);
    const workspace = await hello();
    t.is(workspace.status?.phase, 'Running');
    t.is(workspace.status?.failures ?? 0, 0);
    t.is(workspace.status?.repo?.commit, await head());
    t.deepEqual(workspace.status?.conditions?.map(({type, status}) => `${type}=${status}`).sort(), [
      'PortsAllocated=True',
      'Provisioned=True',
      'Ready=True',
      'RepositoryCloned=True',
      'Scheduled=True',
      'ServicesHealthy=True',
      'SetupSucceeded=True',
      'SshReady=True',
      'UpToDate=True',
    ]);
  });

  const head = async () => (await nexus.git(repository, 'rev-parse', 'HEAD')).trim();

  test.serial('its owner logs in by ssh through the port of the node, and is in its repository', async t => {
    const {code, stdout, stderr} = await ssh('whoami; hostname; git -C hello log -1 --format=%H');
    t.is(code, 0, stderr);
    t.deepEqual(stdout.trim().split('\n'), ['dev', 'hello', await head()]);
  });

  // Fails without the pinned host key of status.ssh: any sshd that gets the port would be trusted.
  test.serial('an sshd with another host key is refused', async t => {
    const args = await nexus.sshArguments('hello');
    const option = args.find(arg => arg.startsWith('UserKnownHostsFile='));
    const file = option?.slice('UserKnownHostsFile='.length) ?? '';
    const pinned = await readFile(file, 'utf8');
    await runProgram(
      'ssh-keygen',
      ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(nexus.folder, 'other')],
      {
        cwd: nexus.folder,
        env: process.env,
      },
    );
    const other = await readFile(path.join(nexus.folder, 'other.pub'), 'utf8');
    await writeFile(file, `${pinned.split(' ')[0]} ${other}`);
    const refused = await runProgram('ssh', [...args, 'true'], {cwd: nexus.folder, env: process.env});
    t.is(refused.code, 255);
    t.regex(refused.stderr, /HOST IDENTIFICATION HAS CHANGED|Host key verification failed/i);
    t.is((await ssh('true')).code, 0, 'the next command pins the right one again');
  });

  // Fails without dependsOn: each service of the sample exits or answers 503 while what it needs is away.
  test.serial(
    'services answer through ports of the node, and were started in the order of their dependencies',
    async t => {
      const workspace = await hello();
      t.is(await ask(nodePortOf(workspace, 'store'), 'GET visits'), '0');
      t.deepEqual(JSON.parse(await fetchText(workspace, 'api', '/healthz')), {status: 'ok', visits: 0});
      t.regex(await fetchText(workspace, 'web'), /<strong>1<\/strong> views/);

      const {stdout} = await ssh(
        'for name in store api web; do systemctl show -p ExecMainStartTimestampMonotonic --value workspace-$name.service; done',
      );
      const times = stdout.trim().split('\n').map(Number);
      t.is(times.length, 3);
      t.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
        'store, then api, then web',
      );
      const started = workspace.status?.services?.map(({name, restarts}) => ({name, restarts}));
      t.deepEqual(
        started?.sort((a, b) => a.name.localeCompare(b.name)),
        [
          {name: 'api', restarts: 0},
          {name: 'store', restarts: 0},
          {name: 'web', restarts: 0},
        ],
      );
    },
  );

  test.serial(
    'logs show what a service has written; exec runs a command and passes on its exit code',
    async t => {
      const logs = await nexus.cli('logs', 'hello/store');
      t.is(logs.code, 0, logs.stderr);
      t.regex(logs.stdout, /store: listening on 5432/);

      const done = await nexus.cli('exec', 'hello', '--', 'sh', '-c', 'pwd; echo to stderr >&2; exit 7');
      t.deepEqual(done, {code: 7, stdout: '/home/dev/hello\n', stderr: 'to stderr\n'});
      const piped = await nexus.cliWith({stdin: 'what is typed\n'}, 'exec', '-i', 'hello', '--', 'cat');
      t.is(piped.stdout, 'what is typed\n');
    },
  );

  test.serial('applying the same again says unchanged, writes nothing and restarts nothing', async t => {
    const [before, pids] = [await hello(), await mainPids()];
    const {code, stdout} = await apply();
    t.is(code, 0);
    t.regex(stdout, /workspace\/hello unchanged/);
    const after = await hello();
    t.is(after.metadata.generation, before.metadata.generation);
    t.deepEqual(await mainPids(), pids);
  });

  // Fails without a hash of each service: all of them would be restarted.
  test.serial('a changed service is restarted, and no other', async t => {
    const pids = await mainPids();
    const file = path.join(repository, '.nexus/config.yaml');
    const config = await readFile(file, 'utf8');
    await writeFile(
      file,
      config.replace('env: {STORE: "localhost:5432"}', 'env: {STORE: "127.0.0.1:5432", CHANGED: "yes"}'),
    );
    t.not(await readFile(file, 'utf8'), config);
    t.regex((await apply()).stdout, /workspace\/hello configured/);

    await eventually(async () => assert.notEqual((await mainPids()).api, pids.api));
    await untilReady(nexus, 'hello');
    const after = await mainPids();
    t.is(after.store, pids.store);
    t.is(after.web, pids.web);
    t.is((await ssh(`tr '\\0' '\\n' < /proc/${after.api}/environ | grep CHANGED`)).stdout, 'CHANGED=yes\n');
  });

  // Fails without Fetch: the clone would stay at the commit that it was made of.
  test.serial('a new commit arrives in the workspace', async t => {
    await writeFile(path.join(repository, 'NEWS.md'), 'Something new\n');
    await nexus.git(repository, 'add', '--all');
    await nexus.git(repository, 'commit', '--quiet', '--message', 'Tell the news');
    t.is((await apply()).code, 0);

    const commit = await head();
    await eventually(async () => assert.equal((await hello()).status?.repo?.commit, commit));
    t.is((await ssh('cat hello/NEWS.md')).stdout, 'Something new\n');
    t.is(conditionOf(await hello(), 'UpToDate').status, 'True');
  });

  test.serial('a new commit does not overwrite what is not committed in the workspace', async t => {
    await ssh('echo mine > hello/NEWS.md');
    await writeFile(path.join(repository, 'NEWS.md'), 'Newer still\n');
    await nexus.git(repository, 'commit', '--quiet', '--all', '--message', 'Tell more');
    t.is((await apply()).code, 0);

    await eventually(async () => assert.equal(conditionOf(await hello(), 'UpToDate').reason, 'NotMerged'));
    t.is((await ssh('cat hello/NEWS.md')).stdout, 'mine\n');
    await ssh('git -C hello checkout --quiet NEWS.md && git -C hello merge --quiet --ff-only FETCH_HEAD');
  });

  test.serial('stopping keeps what is in it, and starting brings all of it back', async t => {
    await ssh('echo kept > keep.txt');
    const stopped = await nexus.cli('workspace', 'stop', 'hello', '--wait', '--timeout', '1m');
    t.is(stopped.code, 0, stopped.stderr);
    const {status} = await hello();
    const [instance] = await nexus.backend.find((await hello()).metadata.uid);
    t.is(instance?.status, 'Stopped');
    t.is(status?.phase, 'Stopped');

    const started = await nexus.cli('workspace', 'start', 'hello', '--wait', '--timeout', '2m');
    t.is(started.code, 0, started.stderr);
    t.is((await ssh('cat keep.txt')).stdout, 'kept\n');
    t.regex(await fetchText(await hello(), 'web'), /views/);
  });

  // Fails without the finalizer: the record would go, and the instance stay.
  test.serial('once it is deleted nothing is left: no instance, no port, no record', async t => {
    const {metadata, status} = await hello();
    const ports = status?.ports?.map(({nodePort}) => nodePort) ?? [];
    t.is(ports.length, 4);
    const deleted = await nexus.cli('delete', 'workspace/hello', '--force', '--timeout', '2m');
    t.is(deleted.code, 0, deleted.stderr);

    await untilGone(nexus, 'hello');
    t.deepEqual(await nexus.backend.find(metadata.uid), []);
    for (const port of ports) {
      await t.throwsAsync(ask(port, 'GET visits'), {message: /ECONNREFUSED/});
    }

    t.is((await nexus.cli('get', 'workspace', 'hello')).code, 5);
    t.is((await nexus.cli('ssh', 'hello', '--', 'true')).code, 5);
    t.deepEqual((await nexus.client().list('Workspace')).items, []);
  });
});

/** One line to a TCP service and its answer. */
async function ask(port: number, line: string): Promise<string> {
  const socket = connect({host: '127.0.0.1', port});
  socket.end(`${line}\n`);
  return (await text(socket)).trim();
}
