import assert from 'node:assert/strict';
import {readdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {findProcess} from '../../agent/qemu/machine-process.ts';
import {agentHome} from '../../agent/system/agent-home.ts';
import {onQemu} from '../agent/qemu/fixture.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {runProgram} from './program.ts';
import {conditionOf, fetchText, untilGone, untilReady} from './workspaces.ts';

/** Milliseconds for an emulated machine to boot and to start its services, beside other tests. */
const patience = 480_000;

/** As main-job.test.ts, on a virtual machine whose processor is emulated; each test goes on where the last one ended. */
onQemu(({tarball}) => {
  let nexus: Installation;
  let repository: string;

  test.before(async t => {
    t.timeout(patience);
    nexus = await createInstallation({qemu: true, tarball});
    repository = await nexus.sample('hello');
    const file = path.join(repository, '.nexus/config.yaml');
    const config = await readFile(file, 'utf8');
    await writeFile(
      file,
      config
        .replace('provider: lxc', 'provider: qemu\ndeadlines: {start: 10m}')
        // An emulated processor takes its time.
        .replaceAll(/interval: 1s(?:, timeout: 2s)?/g, 'interval: 3s, timeout: 5s, startPeriod: 5m'),
    );
    await nexus.git(repository, 'commit', '--all', '--quiet', '--message', 'Run on QEMU');
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const ssh = async (...command: readonly string[]) =>
    await runProgram('ssh', [...(await nexus.sshArguments('hello')), ...command], {
      cwd: nexus.folder,
      env: {PATH: process.env.PATH, HOME: nexus.folder},
    });
  const machines = () => path.join(agentHome(nexus.home).folder, 'qemu/machines');

  test.serial('a repository becomes a virtual machine that is Ready, and its owner logs in', async t => {
    t.timeout(patience);
    const applied = await nexus.cliWith({cwd: repository}, 'apply', '-f', '.nexus/config.yaml');
    t.is(applied.code, 0, applied.stderr);
    await untilReady(nexus, 'hello', patience);
    const {code, stdout, stderr} = await ssh(
      'whoami; hostname; systemd-detect-virt; git -C hello log -1 --format=%H',
    );
    t.is(code, 0, stderr);
    const head = (await nexus.git(repository, 'rev-parse', 'HEAD')).trim();
    t.deepEqual(stdout.trim().split('\n'), ['dev', 'hello', 'qemu', head]);
  });

  test.serial('services answer through ports of the node, and were started in order', async t => {
    t.timeout(patience);
    const workspace = await nexus.client().get('Workspace', 'hello');
    t.like(JSON.parse(await fetchText(workspace, 'api', '/healthz')), {status: 'ok'});
    const {stdout} = await ssh(
      'for name in store api web; do systemctl show -p ExecMainStartTimestampMonotonic --value workspace-$name.service; done',
    );
    const times = stdout.trim().split('\n').map(Number);
    t.is(times.length, 3);
    t.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
  });

  test.serial('a machine that was killed by hand is started again, and what was in it is there', async t => {
    t.timeout(patience);
    t.is((await ssh('echo kept > hello/unsaved; sync')).code, 0);
    const [name = ''] = await readdir(machines());
    const before = await findProcess(path.join(machines(), name));
    assert.ok(before);
    process.kill(before.id, 'SIGKILL');
    await eventually(
      async () => {
        const now = await findProcess(path.join(machines(), name));
        assert.ok(now !== undefined && now.start !== before.start, 'it is not started again yet');
      },
      {timeout: patience},
    );
    await eventually(
      async () => {
        const workspace = await nexus.client().get('Workspace', 'hello');
        assert.equal(conditionOf(workspace, 'SshReady').status, 'True');
        assert.equal((await ssh('cat hello/unsaved')).stdout, 'kept\n');
      },
      {timeout: patience},
    );
    t.pass();
  });

  test.serial('what is deleted leaves nothing', async t => {
    t.timeout(patience);
    await nexus.must('delete', 'workspace/hello', '--force', '--timeout', '5m');
    await untilGone(nexus, 'hello');
    await eventually(async () => assert.deepEqual(await readdir(machines()), []), {timeout: patience});
    t.pass();
  });
});
