import assert from 'node:assert/strict';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {createLab, hackLab} from '../lab/lab.ts';
import type {LabNode} from '../lab/lab-node.ts';
import {eventually} from './eventually.ts';
import {runProgram} from './program.ts';

/** The test bed itself: what other tests take for granted of it. */

const folder = await mkdtemp(path.join(tmpdir(), 'nx-lab-'));
const env = {PATH: process.env.PATH, HOME: folder};
const keyFile = path.join(folder, 'key');
test.before(async () => {
  await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile], {cwd: folder, env});
});
test.after.always(async () => await rm(folder, {recursive: true, force: true}));

/** By OpenSSH, as its user would; the host key is the one that the lab told. */
async function login({address, port, user, hostKey}: LabNode, command: string) {
  const known = path.join(folder, `known-${address}`);
  await writeFile(known, `${port === 22 ? address : `[${address}]:${port}`} ${hostKey}\n`);
  const options = [
    'UserKnownHostsFile',
    known,
    'IdentityFile',
    keyFile,
    'BatchMode',
    'yes',
    'ConnectTimeout',
    '2',
  ];
  const args = Array.from({length: 4}, (_, index) => [
    '-o',
    options.slice(2 * index, 2 * index + 2).join('='),
  ]);
  return await runProgram(
    'ssh',
    ['-F', '/dev/null', ...args.flat(), '-p', String(port), `${user}@${address}`, command],
    {
      cwd: folder,
      env,
    },
  );
}

test('a node is a machine of its own: name, files, processes, network, no Node.js; only known keys get in', async t => {
  await using lab = await createLab({nodes: 2, backend: 'none'});
  const [a, b] = [lab.node('a'), lab.node('b')];
  t.is((await login(a, 'true')).code, 255, 'nobody is let in yet');
  const publicKey = await readFile(`${keyFile}.pub`, 'utf8');
  await Promise.all([a, b].map(node => node.authorize(publicKey)));

  const told = await login(a, 'hostname; command -v node; echo here >~/file; ls -A ~; cat /proc/1/comm');
  t.deepEqual(told.stdout.trim().split('\n'), ['a', '.ssh', 'file', 'bash'], told.stderr);
  t.is((await login(b, 'hostname; ls -A ~')).stdout, 'b\n.ssh\n');
  t.is(await readFile(a.file('/root/file'), 'utf8'), 'here\n');
  t.not(a.hostKey, b.hostKey);
  t.is(await a.must(['hostname', '--all-ip-addresses']), `${a.address} \n`);
  t.is((await a.run(['sh', '-c', 'cat; exit 3'], {stdin: 'told'})).code, 3);
});

test('a login user that is not root gets in by password, and may not read what is root’s', async t => {
  await using lab = await createLab({backend: 'none', user: 'ops', password: 'a test password'});
  const node = lab.node('a');
  t.is(node.user, 'ops');
  t.regex(await node.must(['id', 'ops']), /incus-admin/);
  t.regex(await node.must(['cat', '/etc/ssh/sshd_config']), /PasswordAuthentication yes/);
  t.is((await node.run(['su', 'ops', '-c', 'cat /etc/shadow'])).code, 1);
});

test('a node that is cut off is silent, and connections go on when it is back', async t => {
  await using lab = await createLab({backend: 'none'});
  const node = lab.node('a');
  const socket = connect({host: node.address, port: node.port});
  const banner = await new Promise<Buffer>(resolve => socket.once('data', resolve));
  t.regex(banner.toString(), /^SSH-2.0/);

  await node.cutOff();
  const refused = connect({host: node.address, port: node.port});
  const outcome = await Promise.race([
    new Promise(resolve => refused.once('connect', () => resolve('connected')).once('error', resolve)),
    new Promise(resolve => setTimeout(resolve, 500, 'silence')),
  ]);
  t.is(outcome, 'silence');
  refused.destroy();

  await node.reconnect();
  socket.write('SSH-2.0-test\r\n');
  const answer = await new Promise<Buffer>(resolve => socket.once('data', resolve));
  t.true(answer.length > 0);
  socket.destroy();
});

test('a slow node takes its time, whichever way one asks', async t => {
  await using lab = await createLab({backend: 'none'});
  const node = lab.node('a');
  const delay = 150;
  await node.slow({delay, rate: 10_000});
  const started = performance.now();
  const socket = connect({host: node.address, port: node.port});
  await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
  t.true(
    performance.now() - started >= 4 * delay,
    'there and back for the connection, and again for the banner',
  );
  socket.destroy();
  await node.slow({});
  t.regex(await node.must(['ip', '-details', 'link', 'show', 'eth0']), /veth/);
});

test('after a power cut nothing of a node runs; it boots with the files it had, as another boot', async t => {
  await using lab = await createLab();
  const node = lab.node('a');
  await node.authorize(await readFile(`${keyFile}.pub`, 'utf8'));
  const before = (await login(node, 'cat /proc/sys/kernel/random/boot_id; touch kept')).stdout;
  await node.must(['sh', '-c', 'sleep 1000 >/dev/null 2>&1 & echo $!']);
  t.regex(
    await node.must(['curl', '-s', '--unix-socket', '/var/lib/incus/unix.socket', 'http://x/1.0']),
    /trusted/,
  );

  await node.kill();
  t.is((await node.run(['true'])).code, 1);
  await node.boot();
  const after = await login(node, 'cat /proc/sys/kernel/random/boot_id; ls; pgrep -c sleep');
  const [bootId, ...rest] = after.stdout.trim().split('\n');
  t.deepEqual(rest, ['kept', '0']);
  t.regex(bootId ?? '', /^[0-9a-f-]{36}$/);
  t.not(bootId, before.trim());
});

test('of a lab whose process was killed nothing is left once hack/test or another lab has begun', async t => {
  const lab = path.join('/var/tmp', `nexus-lab.${path.basename(folder).slice(-6)}`);
  // Its owner is the shell, which has ended.
  const made = await runProgram(
    'sh',
    ['-c', '"$1" up "$2" --backend none >/dev/null; true', 'sh', hackLab, lab],
    {
      cwd: '/',
      env: process.env,
    },
  );
  t.is(made.code, 0, made.stderr);
  const [bridge = ''] = (await readFile(path.join(lab, 'network'), 'utf8')).split(' ');
  t.is((await runProgram('ip', ['link', 'show', bridge], {cwd: '/', env: process.env})).code, 0);

  await using _ = await createLab({backend: 'none'});
  await t.throwsAsync(readFile(path.join(lab, 'network')), {code: 'ENOENT'});
  await eventually(async () => {
    const {stdout} = await runProgram('ip', ['-brief', 'link'], {cwd: '/', env: process.env});
    assert.ok(!stdout.includes(bridge), stdout);
  });
});
