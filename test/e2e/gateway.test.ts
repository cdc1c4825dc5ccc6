import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {createInterface} from 'node:readline';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {createPortHog, portRange} from './port-hog.ts';
import {runProgram} from './program.ts';
import {conditionOf, declare, nodePortOf, smallSpec, untilGone, untilReady} from './workspaces.ts';

/** Of this machine, and nobody else's: what other tests take of the ports is not missed here. */
const address = '127.77.0.2';
const root = path.resolve(import.meta.dirname, '../..');
const plainSpec = {owner: 'admin', resources: smallSpec.resources};

/** The real gateway with real clients: OpenSSH, scp and git. */
onBackend(backends[0], ({socket, tarball}) => {
  let nexus: Installation;
  let sshConfig: string;

  test.before(async () => {
    nexus = await createInstallation({socket, tarball, listen: address, gateway: true});
    await nexus.client().patch('Node', 'local', {patch: {spec: {address}}});
    sshConfig = path.join(nexus.folder, 'ssh_config');
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const get = (name: string) => nexus.client().get('Workspace', name);
  const run = (program: string, ...args: readonly string[]) =>
    runProgram(program, args, {cwd: nexus.folder, env: nexus.env});
  const sessionOf = (program: string, ...args: readonly string[]) =>
    openSession([program, ...args], nexus.env);

  test.serial('a plain ssh configuration leads through the gateway, for ssh, scp and git', async t => {
    await declare(nexus.client(), 'shop', plainSpec);
    await untilReady(nexus, 'shop');
    await writeFile(sshConfig, await nexus.must('ssh', 'config'));
    const config = await readFile(sshConfig, 'utf8');
    t.regex(config, /^Host nexus-gateway\n[\s\S]*^Host shop\.nexus\n[\s\S]*^ {2}ProxyJump nexus-gateway$/m);
    t.notRegex(config, /StrictHostKeyChecking (?!yes)/);

    const arrived = await run('ssh', '-F', sshConfig, 'shop.nexus', 'hostname; exit 7');
    t.is(arrived.stdout, 'shop\n', arrived.stderr);
    t.is(arrived.code, 7);
    const file = path.join(nexus.folder, 'there');
    await writeFile(file, Buffer.alloc(3_000_000, 'nexus'));
    t.is((await run('scp', '-F', sshConfig, file, 'shop.nexus:there')).code, 0);
    t.is((await run('scp', '-F', sshConfig, 'shop.nexus:there', `${file}.back`)).code, 0);
    t.true((await readFile(file)).equals(await readFile(`${file}.back`)));
    const made = 'git init --quiet --bare work.git';
    t.is((await run('ssh', '-F', sshConfig, 'shop.nexus', made)).code, 0);
    const repository = await nexus.sample('pushed');
    await nexus.git(repository, 'config', 'core.sshCommand', `ssh -F ${sshConfig}`);
    await nexus.git(repository, 'push', '--quiet', 'shop.nexus:work.git', 'main');
    const head = (await nexus.git(repository, 'rev-parse', 'HEAD')).trim();
    t.is(
      (await run('ssh', '-F', sshConfig, 'shop.nexus', 'git -C work.git rev-parse main')).stdout.trim(),
      head,
    );

    const events = await nexus.client().workspaces.events('shop');
    t.true(events.some(({spec}) => spec.reason === 'GatewaySession' && spec.actor === 'admin'));
  });

  test.serial('nexus ssh --stdio is a ProxyCommand of any ssh configuration', async t => {
    const entry = path.join(root, 'cli/nexus.js');
    const known = path.join(nexus.folder, 'known');
    await writeFile(known, `shop ${(await get('shop')).status?.ssh?.hostKey}\n`);
    const options = {
      ProxyCommand: `${process.execPath} ${entry} ssh --stdio %h`,
      UserKnownHostsFile: known,
      GlobalKnownHostsFile: '/dev/null',
      StrictHostKeyChecking: 'yes',
      IdentityFile: path.join(nexus.home, 'keys/id_ed25519'),
    };
    const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    const {stdout, stderr} = await run('ssh', '-F', '/dev/null', ...given, 'dev@shop', 'hostname');
    t.is(stdout, 'shop\n', stderr);
    const none = await nexus.cli('ssh', '--stdio', 'nowhere');
    t.is(none.code, 5);
    t.regex(none.stderr, /nowhere/);
  });

  test.serial(
    'nexus ssh config --write puts one Include into the configuration, and keeps what was there',
    async t => {
      const file = path.join(nexus.env.HOME ?? '', '.ssh/config');
      const before = 'Host other\n  User me\n';
      await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
      await writeFile(file, before, {mode: 0o640});
      const planned = await nexus.must('ssh', 'config', '--write', '--dry-run');
      t.regex(planned, /^\+Include ".*\/ssh_config"$/m);
      t.is(await readFile(file, 'utf8'), before);

      await nexus.must('ssh', 'config', '--write');
      const after = await readFile(file, 'utf8');
      t.regex(after, /^Include "[^"]*\/ssh_config"\n\nHost other\n {2}User me\n$/);
      t.is(await readFile(`${file}.before-nexus`, 'utf8'), before);
      await nexus.must('ssh', 'config', '--write');
      t.is(await readFile(file, 'utf8'), after, 'twice is once');
      // OpenSSH goes by the account's home, not by HOME.
      const arrived = await run('ssh', '-F', file, 'shop.nexus', 'hostname');
      t.is(arrived.stdout, 'shop\n', arrived.stderr);
    },
  );

  // Fails when a workspace waits for a port of its node although there is another way in.
  test.serial(
    'with no port left a workspace runs all the same, and gets its port later, undisturbed',
    async t => {
      await using hog = createPortHog(address);
      await eventually(async () => {
        await hog.take(portRange(2222, 2299).filter(port => !hog.held().has(port)));
        const {status} = await nexus.client().get('Node', 'local');
        const missed = [...hog.held()].filter(port => status?.portsInUse?.includes(port) !== true);
        assert.deepEqual(missed, [], 'the node has not reported these yet');
      });
      await declare(nexus.client(), 'portless', plainSpec);
      const workspace = await untilReady(nexus, 'portless');
      t.is(conditionOf(workspace, 'PortsAllocated').reason, 'GatewayOnly');
      t.like(workspace.status?.ssh, {host: undefined, port: undefined, username: 'dev'});
      t.is(workspace.status?.ssh?.gateway?.port, (await nexus.client().gateway()).port ?? -1);
      t.regex(await nexus.must('get', 'workspaces'), /^portless .* gateway /m);
      const refused = await nexus.cli('ssh', '--via', 'node', 'portless', '--', 'hostname');
      t.regex(refused.stderr, /has no ssh port of its node/);

      const command = (await nexus.must('ssh', 'command', 'portless')).trim();
      using session = sessionOf('sh', '-c', `exec ${command} cat`);
      t.is(await session.echo('before'), 'before');
      const free = [...hog.held()].at(-1) ?? 0;
      await hog.release(free);
      const settled = await eventually(async () => {
        const found = await get('portless');
        assert.equal(conditionOf(found, 'PortsAllocated').reason, 'Allocated');
        return found;
      });
      t.is(settled.status?.ssh?.port, nodePortOf(settled, 'ssh'));
      t.is(settled.status?.ssh?.host, address);
      t.is(settled.status?.instance?.startedAt, workspace.status?.instance?.startedAt);
      t.is(await session.echo('after'), 'after');
      const direct = await nexus.cli('ssh', '--via', 'node', 'portless', '--', 'hostname');
      t.is(direct.stdout, 'portless\n', direct.stderr);
    },
  );

  test.serial(
    'users get to their own workspaces only, and not any more once their key is removed',
    async t => {
      const client = nexus.client();
      const user = {name: 'ada'};
      await client.users.register({...user, ...(await newKey(nexus, 'ada'))});
      await declare(client, 'adas', {...plainSpec, owner: user.name});
      await untilReady(nexus, 'adas');
      await nexus.must('ssh', 'config');
      const {port} = await client.gateway();
      const known = path.join(nexus.home, 'known_hosts.d/gateway');
      const jump = (destination: string) => [
        ...['-F', '/dev/null', '-p', String(port), '-i', path.join(nexus.folder, 'key-ada')],
        ...[
          'IdentitiesOnly=yes',
          'HostKeyAlias=nexus-gateway',
          `UserKnownHostsFile=${known}`,
          'BatchMode=yes',
        ].flatMap(option => ['-o', option]),
        ...['-W', destination, 'nexus@127.0.0.1'],
      ];
      const foreign = await run('ssh', ...jump('shop:22'));
      t.is(foreign.code, 255);
      t.regex(foreign.stderr, /there is no workspace "shop" of yours/);
      t.regex((await run('ssh', ...jump('nowhere:22'))).stderr, /there is no workspace "nowhere" of yours/);
      using session = sessionOf('ssh', ...jump('adas:22'));
      t.regex(await session.line(), /^SSH-2\.0-OpenSSH/, 'the sshd of the workspace itself');

      await client.patch('User', user.name, {patch: {spec: {sshKeys: []}}});
      t.is(await session.ended(), 255);
      const locked = await run('ssh', ...jump('adas:22'));
      t.regex(locked.stderr, /Permission denied \(publickey\)/);
      await client.workspaces.delete('adas', {force: true});
    },
  );

  test.serial(
    'a session ends when its workspace is stopped or deleted, and the next one is told why',
    async t => {
      using session = sessionOf('ssh', '-F', sshConfig, 'shop.nexus', 'cat');
      t.is(await session.echo('hello'), 'hello');
      await nexus.must('workspace', 'stop', 'shop', '--wait');
      t.is(await session.ended(), 255);
      const stopped = await run('ssh', '-F', sshConfig, 'shop.nexus', 'hostname');
      t.is(stopped.code, 255);
      t.regex(stopped.stderr, /workspace shop is stopped; start it with: nexus workspace start shop/);

      await nexus.must('workspace', 'start', 'shop', '--wait');
      using again = sessionOf('ssh', '-F', sshConfig, 'shop.nexus', 'cat');
      t.is(await again.echo('hello'), 'hello');
      await nexus.client().workspaces.delete('shop', {force: true});
      t.is(await again.ended(), 255);
      await untilGone(nexus, 'shop');
      const gone = await run('ssh', '-F', sshConfig, 'shop.nexus', 'hostname');
      t.regex(gone.stderr, /there is no workspace "shop" of yours/);
    },
  );

  // Fails when a lost connection ends nexus ssh, or when those that do not pass through the server are lost with it.
  test.serial(
    'a server that is killed and started again: through it one reconnects, past it nothing happens',
    async t => {
      const entry = path.join(root, 'cli/nexus.js');
      using past = sessionOf('ssh', ...(await nexus.sshArguments('portless')), 'cat');
      using through = sessionOf(
        process.execPath,
        entry,
        'ssh',
        '--via',
        'gateway',
        '--reconnect',
        'portless',
      );
      t.is(await past.echo('before'), 'before');
      through.write('echo "first $$"');
      const first = await through.line(/^first \d+$/);

      await nexus.server().kill();
      t.is(await past.echo('meanwhile'), 'meanwhile');
      t.regex(await through.complaint(/was lost/), /The connection to portless was lost\. Connecting again/);
      await nexus.startServer();
      through.write('echo "second $$"');
      const second = await through.line(/^second \d+$/);
      t.not(second.split(' ')[1], first.split(' ')[1], 'a new shell');
      t.is(await past.echo('after'), 'after');
      through.write('exit 3');
      t.is(await through.ended(), 3);
    },
  );
});

async function newKey(nexus: Installation, name: string) {
  const file = path.join(nexus.folder, `key-${name}`);
  await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file], {
    cwd: nexus.folder,
    env: nexus.env,
  });
  const {stdout} = await runProgram('ssh-keygen', ['-l', '-f', file], {cwd: nexus.folder, env: nexus.env});
  return {
    ssh_pubkey: (await readFile(`${file}.pub`, 'utf8')).trim(),
    ssh_pubkey_fingerprint: stdout.split(' ')[1] ?? '',
  };
}

/** A program that goes on, with lines in and out. */
function openSession(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
) {
  const child = spawn(program, args, {env, stdio: ['pipe', 'pipe', 'pipe']});
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  const exit = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)));
  let complaints = '';
  child.stderr.on('data', chunk => {
    complaints += chunk;
  });
  child.stdin.on('error', () => undefined);
  /** The next one that is so: a login shell has more to say. */
  const line = async (wanted = /^/) => {
    for (;;) {
      const next = await lines.next();
      assert.ok(next.done !== true, `it ended: ${complaints}`);
      if (wanted.test(next.value)) {
        return next.value;
      }
    }
  };
  return {
    line,
    write: (text: string) => void child.stdin.write(`${text}\n`),
    async echo(text: string) {
      child.stdin.write(`${text}\n`);
      return await line();
    },
    complaint: async (pattern: RegExp) =>
      await eventually(() => {
        assert.match(complaints, pattern);
        return complaints;
      }),
    ended: async () => await exit,
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}
