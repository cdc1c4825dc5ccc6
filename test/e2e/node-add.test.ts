import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readdir, readFile, stat, symlink} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {z} from 'zod';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import type {Lab} from '../lab/lab.ts';
import {createLab} from '../lab/lab.ts';
import type {LabNode} from '../lab/lab-node.ts';
import type {BackendByHand} from './backend-by-hand.ts';
import {createBackendByHand} from './backend-by-hand.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {runProgram} from './program.ts';
import {conditionOf, declare, fetchText, smallSpec, untilReady} from './workspaces.ts';

const password = 'only-for-this-lab';

const otherBackends =
  '/usr/bin/qemu-system-* /usr/bin/qemu-img /usr/bin/dockerd /usr/sbin/dockerd /run/docker.sock';

const result = z.object({
  ok: z.boolean(),
  milliseconds: z.number(),
  steps: z.array(
    z.object({
      step: z.string(),
      outcome: z.string(),
      code: z.string().optional(),
      message: z.string(),
      cure: z.array(z.string()).optional(),
      milliseconds: z.number(),
    }),
  ),
});

/** Machines with nothing but sshd and Incus become nodes, by a user who is not root; each test goes on where the last one ended. */
onBackend(backends[0], ({tarball}) => {
  let lab: Lab;
  let nexus: Installation;
  let a: LabNode;
  let b: LabNode;

  test.before(async () => {
    nexus = await createInstallation({});
    await mkdir(path.join(nexus.home, 'images'));
    await symlink(tarball, path.join(nexus.home, 'images/base.tar.zst'));
    lab = await createLab({nodes: 2, user: 'ops', password});
    a = lab.node('a');
    b = lab.node('b');
    // What else of this machine's could run workspaces, and would be set up, too.
    await Promise.all([a, b].map(node => onNode(node, `rm -f ${otherBackends}`)));
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  const add = (node: LabNode, ...more: readonly string[]) =>
    nexus.cliWith({stdin: `${password}\n`}, 'node', 'add', node.name, node.address, '--user', 'ops', ...more);
  const addJson = async (node: LabNode, ...more: readonly string[]) => {
    const {stdout, stderr} = await add(node, '-o', 'json', ...more);
    assert.notEqual(stdout, '', stderr);
    const {steps, ...rest} = result.parse(JSON.parse(stdout));
    return {...rest, steps: Object.fromEntries(steps.map(step => [step.step, step]))};
  };
  const testJson = async (name: string) => {
    const {stdout, code} = await nexus.cli('node', 'test', name, '-o', 'json');
    const {steps} = result.parse(JSON.parse(stdout));
    return {code, steps: Object.fromEntries(steps.map(step => [step.step, step]))};
  };
  const onNode = (node: LabNode, script: string) => node.must(['sh', '-c', script]);
  const authorized = (node: LabNode) => readFile(node.file('/home/ops/.ssh/authorized_keys'), 'utf8');
  const backendOf = async (node: LabNode): Promise<BackendByHand> =>
    createBackendByHand(
      node.backendSocket ?? '',
      (await readFile(path.join(nexus.home, 'installation'), 'utf8')).trim(),
    );
  const readyOf = async (name: string) => conditionOf(await nexus.client().get('Node', name), 'Ready');
  /** Ends the server's ssh sessions there, as a network does that fails for a moment. */
  const breakSessions = (node: LabNode) => node.run(['pkill', '-KILL', '-f', '^sshd: ops']);

  test.serial('nobody is added whose host key no person agreed to, and a wrong user is told', async t => {
    const stranger = await add(a);
    t.is(stranger.code, 9, stranger.stderr);
    t.regex(stranger.stderr, /✗ Host key .*SHA256:\S+; nobody has agreed to it yet/);
    t.regex(stranger.stderr, /ssh-keygen -lf/);

    const wrongUser = await nexus.cli('node', 'add', 'a', a.address, '--user', 'nobody-there', '--yes');
    t.is(wrongUser.code, 1);
    t.regex(wrongUser.stderr, /✗ Login {7}nobody-there@\S+ does not accept the server's key/);
    t.regex(wrongUser.stderr, /--bootstrap-password\n.*authorized_keys on that machine: ssh-ed25519 AAAA/s);

    const wrongPassword = await nexus.cliWith(
      {stdin: 'wrong'},
      ...['node', 'add', 'a', a.address, '--user', 'ops', '--yes', '--bootstrap-password'],
    );
    t.is(wrongPassword.code, 1);
    t.regex(wrongPassword.stderr, /accepts neither the server's key nor that password/);
    await t.throwsAsync(nexus.client().get('Node', 'a'), {code: 'NotFound'} as object);
  });

  test.serial(
    'a bare machine becomes a Ready node by one command and a password, without root and without Node.js there',
    async t => {
      t.is((await a.run(['which', 'node'])).code, 1);
      const {ok, steps, milliseconds} = await addJson(
        a,
        '--yes',
        '--bootstrap-password',
        '--label',
        'zone=b',
      );
      t.true(ok, JSON.stringify(steps));
      t.log(`Ready after ${(milliseconds / 1000).toFixed(1)} s`);
      t.is((await readyOf('a')).status, 'True');
      t.deepEqual((await nexus.client().get('Node', 'a')).metadata.labels, {zone: 'b'});

      t.is((await authorized(a)).trim().split('\n').length, 1);
      t.is((await stat(a.file('/home/ops/.ssh'))).mode & 0o777, 0o700);
      t.is((await stat(a.file('/home/ops/.ssh/authorized_keys'))).mode & 0o777, 0o600);
      t.is(await onNode(a, 'find /root /usr/local /opt -newer /etc/ssh/sshd_config -name "*nexus*"'), '');
      t.is((await runProgram('grep', ['-r', password, nexus.home], {cwd: '/', env: {}})).code, 1);

      await declare(nexus.client(), 'first', {...smallSpec, node: 'a'});
      await untilReady(nexus, 'first');
      const {stdout, stderr} = await nexus.cli('ssh', 'first', '--', 'hostname');
      t.is(stdout, 'first\n', stderr);
    },
  );

  test.serial('run again it changes nothing, and puts back what is missing', async t => {
    const again = await addJson(a);
    t.true(again.ok);
    t.deepEqual(
      Object.values(again.steps).filter(({outcome}) => outcome !== 'ok'),
      [],
    );

    const backend = await backendOf(a);
    await onNode(a, 'rm -r ~ops/.nexus/agent-versions/*/node; pkill -KILL -u ops node || true');
    const [fingerprint] = z.array(z.string()).parse(await backend.call('GET', '/1.0/images'));
    await backend.call('DELETE', fingerprint ?? '');
    const repaired = await addJson(a);
    t.true(repaired.ok, JSON.stringify(repaired.steps));
    t.is(repaired.steps.Agent?.outcome, 'changed');
    t.is(repaired.steps.Image?.outcome, 'changed');
    t.is((await authorized(a)).trim().split('\n').length, 1);
    t.is((await backend.instances()).length, 1);
    t.is(await onNode(a, 'pgrep -fc "agent [-]-daemon"'), '1\n');
    await untilReady(nexus, 'first');
  });

  test.serial(
    'a connection that is cut in the middle of the upload loses nothing of what arrived',
    async t => {
      const agent = await startSshAgent(nexus.folder);
      try {
        await b.authorize(agent.publicKey);
        await b.slow({rate: 60_000});
        const cut = nexus.cliWith(
          {env: {SSH_AUTH_SOCK: agent.socket}},
          ...['node', 'add', 'b', b.address, '--user', 'ops', '--yes'],
        );
        const images = b.file('/home/ops/.nexus/images');
        await eventually(
          async () => {
            const [part = ''] = await readdir(images);
            assert.ok((await stat(path.join(images, part))).size > 5_000_000);
          },
          {timeout: 120_000},
        );
        await breakSessions(b);
        const {code, stderr} = await cut;
        t.is(code, 1);
        t.regex(stderr, /Your own ssh opens ops@\S+: it has put the server's key there/);
        t.regex(stderr, /✗ Image .*\n.*Run the same command again/);

        await b.slow({});
        const {ok, steps} = await addJson(b, '--yes');
        t.true(ok, JSON.stringify(steps));
        t.is(steps.Agent?.outcome, 'ok');
        t.regex(steps.Image?.message ?? '', /\d+ MiB of it on an earlier attempt/);
        t.is((await authorized(b)).match(/nexus-server-/g)?.length, 1);
      } finally {
        agent.stop();
      }
    },
  );

  test.serial(
    'a changed host key is refused with both fingerprints until somebody agrees, and stops nothing else',
    async t => {
      await onNode(
        b,
        'rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key; pkill -HUP -o -x sshd',
      );
      await eventually(async () => {
        await breakSessions(b);
        const {status, message} = await readyOf('b');
        assert.equal(status, 'False', message);
      });
      t.regex((await readyOf('b')).message, /host key of \S+ is SHA256:\S+, pinned is SHA256:/);
      t.is((await readyOf('a')).status, 'True');
      t.is((await nexus.cli('ssh', 'first', '--', 'true')).code, 0);

      const checked = await testJson('b');
      t.is(checked.code, 1);
      t.is(checked.steps.HostKey?.code, 'HostKeyChanged');
      t.true(checked.steps.HostKey?.cure?.some(line => line.includes('--replace-host-key')));

      const refused = await add(b, '--yes');
      t.is(refused.code, 9);
      t.regex(
        refused.stderr,
        /another host key than the pinned one: ssh-ed25519 SHA256:\S+; pinned is ssh-ed25519/,
      );
      const {ok, steps} = await addJson(b, '--yes', '--replace-host-key');
      t.true(ok, JSON.stringify(steps));
      t.regex(
        await nexus.must('describe', 'node', 'b'),
        /HostKeyReplaced +admin +admin agreed to another host key/,
      );
    },
  );

  test.serial('node test says of each check how it went, and what helps', async t => {
    const well = await testJson('b');
    t.is(well.code, 0, JSON.stringify(well.steps));
    t.deepEqual(Object.keys(well.steps), [
      ...['Name', 'Reach', 'HostKey', 'Login', 'Shell', 'Disk', 'Clock', 'Provider', 'Agent', 'Backend'],
    ]);

    await onNode(
      b,
      `printf '#!/bin/sh\\nexec /bin/date -d "1 hour ago" "$@"\\n' >/usr/local/bin/date; chmod 755 /usr/local/bin/date`,
    );
    await onNode(
      b,
      'cp -a /home/ops/.ssh /run/ssh; mount -t tmpfs -o size=50m,uid=$(id -u ops),mode=0700 full /home/ops; cp -a /run/ssh /home/ops/.ssh',
    );
    const ill = await testJson('b');
    await onNode(b, 'umount /home/ops; rm /usr/local/bin/date');
    t.is(ill.code, 1);
    t.is(ill.steps.Disk?.code, 'DiskFull');
    t.regex(ill.steps.Disk?.message ?? '', /^\d+ MiB free in \/home\/ops; /);
    t.regex(ill.steps.Clock?.message ?? '', /60 minutes behind the server's/);
    t.true(ill.steps.Clock?.cure?.some(line => line.includes('timedatectl')));
    t.is(ill.steps.Provider?.outcome, 'ok', 'what fails keeps nothing else from being looked at');
  });

  test.serial('a machine on which workspaces can not run is told what to install, and not added', async t => {
    await using bare = await createLab({backend: 'none', user: 'ops', password});
    const machine = bare.node('a');
    await onNode(machine, `rm -f ${otherBackends} /usr/bin/incus /usr/bin/lxd /usr/sbin/lxd`);
    const {code, stderr} = await nexus.cliWith(
      {stdin: password},
      ...['node', 'add', 'bare', machine.address, '--user', 'ops', '--yes', '--bootstrap-password'],
    );
    t.is(code, 1);
    t.regex(stderr, /✗ Providers {3}no Incus, LXD, Docker or QEMU was found there/);
    t.regex(stderr, /sudo apt-get install --yes incus/);
    t.notRegex(await nexus.must('node', 'list'), /bare/);
  });

  test.serial('list and status show what a node has, what is taken of it, and what runs there', async t => {
    t.regex(await nexus.must('node', 'list', '-o', 'wide'), /^a +Ready +ops@\S+ +incus \S+ +1 .*0\.05 cpus/m);
    const page = await nexus.must('node', 'status', 'a');
    t.regex(page, /Reserved: +0\.05 cpus, 64 MiB memory/);
    t.regex(page, /Workspaces:\n +NAME .*\n +first +Running/);
    t.regex(page, /NodeReady/);
  });

  test.serial('an agent that is upgraded leaves the workspaces on its node as they run', async t => {
    const {status} = await nexus.client().get('Node', 'a');
    const wanted = status?.agentPackage ?? '';
    const isNow = async (id: string) =>
      await eventually(async () => {
        const node = await nexus.client().get('Node', 'a');
        assert.equal(node.status?.agentPackage, id);
        return node;
      });
    /** When process 1 began, in ticks of the machine; and who serves. */
    const running = async () => [
      (await nexus.must('ssh', 'first', '--', 'cut', '-d', '" "', '-f', '22', '/proc/1/stat')).trim(),
      await fetchText(await untilReady(nexus, 'first'), 'web'),
    ];
    const before = await running();
    // The package that is there becomes that of another version, which the server takes for an earlier one.
    const other = '0.0.1-0123456789ab';
    await onNode(
      a,
      `cd ~ops/.nexus/agent-versions && mv ${wanted} ${other} && sed -i s/${wanted}/${other}/ ${other}/manifest.json &&
       ln -sfn ${other} current && pkill -f 'agent [-]-daemon'`,
    );
    await isNow(other);
    t.regex(await nexus.must('node', 'upgrade', 'a'), /^node\/a is up to date/);
    await isNow(wanted);
    t.deepEqual(await running(), before);
    await eventually(async () => {
      const events = await nexus.must('describe', 'node', 'a');
      assert.match(events, new RegExp(`AgentUpgraded .* from ${other} to ${wanted}`));
    });
  });

  test.serial(
    'a node with workspaces is not removed; afterwards it is, with all that was put there',
    async t => {
      const refused = await nexus.cli('node', 'remove', 'a', '--purge');
      t.is(refused.code, 8);
      t.regex(refused.stderr, /node a still has 1 workspace\n {2}workspace\/first/);

      await nexus.must('delete', 'workspace', 'first', '--force', '--timeout', '2m');
      await nexus.must('node', 'remove', 'a', '--purge');
      const left = await onNode(
        a,
        'for kind in projects storage-pools networks; do curl -s --unix-socket /var/lib/incus/unix.socket http://x/1.0/$kind; done',
      );
      t.notRegex(left, /nexus/);
      t.is(await onNode(a, 'ls -A ~ops | grep -v -x -e .ssh -e ".bash.*" -e .profile || true'), '');
      t.is(await authorized(a), '');
      t.is(await onNode(a, 'pgrep -u ops -fc agent || true'), '0\n');

      const {stderr} = await nexus.cli('node', 'remove', 'b');
      t.regex(stderr, /Left on ops@\S+:\n.*agent in ~ops\/\.nexus.*\n.*server's key in ~ops\/\.ssh/);
      t.deepEqual(
        (await nexus.client().list('Node')).items.map(({metadata}) => metadata.name),
        ['local'],
      );
      const {ok, milliseconds} = await addJson(b, '--yes');
      t.true(ok);
      t.log(`taken back after ${(milliseconds / 1000).toFixed(1)} s`);
      await nexus.must('node', 'remove', 'b', '--purge');
    },
  );
});

/** An ssh-agent of its own, with a key that is in no file. */
async function startSshAgent(folder: string) {
  const key = path.join(folder, 'own-key');
  const socket = path.join(folder, 'own-agent');
  const env = {PATH: process.env.PATH, SSH_AUTH_SOCK: socket};
  await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], {cwd: folder, env});
  const agent = spawn('ssh-agent', ['-D', '-a', socket], {stdio: ['ignore', 'pipe', 'ignore']});
  await once(agent.stdout, 'data');
  const {code, stderr} = await runProgram('ssh-add', ['-q', key], {cwd: folder, env});
  assert.equal(code, 0, stderr);
  return {socket, publicKey: await readFile(`${key}.pub`, 'utf8'), stop: () => void agent.kill()};
}
