import {chmod, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir, userInfo} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {parseReport} from '../../../controller/node-setup/machine-report.ts';
import {machineScript} from '../../../controller/node-setup/machine-script.ts';
import {runProgram} from '../../e2e/program.ts';

const home = await mkdtemp(path.join(tmpdir(), 'nx-probe-'));
test.after.always(async () => await rm(home, {recursive: true, force: true}));

async function probe(env: Readonly<Record<string, string>> = {}) {
  const [program = '', ...args] = machineScript('probe');
  const {stdout, stderr, code} = await runProgram(program, args, {
    cwd: home,
    env: {PATH: process.env.PATH, HOME: home, ...env},
  });
  if (code !== 0 || stderr !== '') {
    throw new Error(`${code}: ${stderr}`);
  }
  const parsed = parseReport(stdout);
  if (parsed.type !== 'Report') {
    throw new Error(stdout);
  }
  return parsed.report;
}

test('this machine is seen as it is', async t => {
  const asked = Date.now();
  const report = await probe();
  t.like(report, {user: userInfo().username, uid: userInfo().uid, home, homeWritable: true, kernel: 'Linux'});
  t.true((report.free ?? 0) > 0);
  t.true((report.time ?? 0) >= asked - report.timePrecision);
  t.true((report.time ?? 0) <= Date.now() + report.timePrecision);
});

test('backends are found where they are configured, and told as closed when others own them', async t => {
  const socket = path.join(home, 'incus', 'unix.socket');
  await mkdir(path.dirname(socket));
  await using server = createServer().listen(socket);
  await new Promise(resolve => server.once('listening', resolve));
  const found = await probe({INCUS_DIR: path.dirname(socket)});
  t.deepEqual(found.sockets[0], {backend: 'incus', path: socket, open: true});

  const agent = path.join(home, '.nexus', 'agent');
  await mkdir(agent, {recursive: true});
  await writeFile(path.join(agent, 'config.json'), JSON.stringify({socket}));
  t.deepEqual((await probe()).sockets[0], {backend: 'container', path: socket, open: true});
  await rm(path.join(home, '.nexus'), {recursive: true});

  if (userInfo().uid !== 0) {
    await chmod(socket, 0);
    t.like((await probe({INCUS_DIR: path.dirname(socket)})).sockets[0], {path: socket, open: false});
  }
});

test('what comes before the probe is kept apart, and what holds no probe is unreadable', t => {
  const parsed = parseReport('Hello\nnexus-probe 1\nuser ada\ntime 12.345000000\n');
  t.is(parsed.type === 'Report' ? parsed.before : undefined, 'Hello\n');
  t.like(parsed.type === 'Report' ? parsed.report : {}, {user: 'ada', time: 12_345, timePrecision: 1});
  t.deepEqual(parseReport('This account is currently not available.\n'), {
    type: 'Unreadable',
    said: 'This account is currently not available.',
  });
});

test('a machine whose date knows no fractions, and whose sockets are odd, is read all the same', t => {
  const parsed = parseReport(
    [
      'nexus-probe 1',
      'time 12.%N',
      'free /dev/sda1  1000 400 600  40% /home',
      'socket incus closed /s srw-rw---- incus-admin',
      'socket other open /x',
    ].join('\n'),
  );
  t.like(parsed.type === 'Report' ? parsed.report : {}, {
    time: 12_500,
    timePrecision: 500,
    free: 614_400,
    sockets: [{backend: 'incus', path: '/s', open: false, group: 'incus-admin'}],
  });
});
