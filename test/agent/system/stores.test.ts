import {createHash} from 'node:crypto';
import {mkdtempSync, readdirSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {emptyRecord} from '../../../agent/instances/instance-record.ts';
import {
  agentHome,
  configOf,
  ensureAgentHome,
  ensureInstallation,
  readAgentConfig,
} from '../../../agent/system/agent-home.ts';
import {openFsBundleCache} from '../../../agent/system/fs-bundle-cache.ts';
import {createFsEpochStore} from '../../../agent/system/fs-epoch-store.ts';
import {openFsRecordStore} from '../../../agent/system/fs-record-store.ts';
import {parseListeningPorts} from '../../../agent/system/linux-machine.ts';
import {openLogFile} from '../../../agent/system/log-file.ts';
import {silentLogger} from '../../../api/effects/logger.ts';

const signal = new AbortController().signal;

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-agent-home-'));
  t.teardown(() => rmSync(folder, {recursive: true}));
  return folder;
}

test('records come back as they were stored, readable by nobody else', async t => {
  const folder = folderFor(t);
  const store = await openFsRecordStore({folder, log: silentLogger});
  const record = {...emptyRecord('a', 'lxc'), forwards: [{name: 'ssh', nodePort: 2222, targetPort: 22}]};
  await store.save({...record, started: true});
  await store.save(record);
  await store.save(emptyRecord('b', 'lxc'));
  await store.remove('b');
  t.deepEqual(await store.load(), [record]);
  t.deepEqual(readdirSync(folder), ['a.json']);
  t.is(statSync(join(folder, 'a.json')).mode & 0o777, 0o600);
});

test('a record that can not be read is left out', async t => {
  const folder = folderFor(t);
  const store = await openFsRecordStore({folder, log: silentLogger});
  await store.save(emptyRecord('a', 'lxc'));
  writeFileSync(join(folder, 'torn.json'), '{"version": 1, "ui');
  writeFileSync(join(folder, 'other.json'), '{"version": 9}');
  t.deepEqual(
    (await store.load()).map(({uid}) => uid),
    ['a'],
  );
});

test('the epoch is 0 at first and survives', async t => {
  const path = join(folderFor(t), 'epoch');
  t.is(await createFsEpochStore(path).load(), 0);
  await createFsEpochStore(path).save(41);
  t.is(await createFsEpochStore(path).load(), 41);
});

test('a bundle is kept when it is what its name says, and only then', async t => {
  const folder = folderFor(t);
  const cache = await openFsBundleCache(folder);
  const content = Buffer.from('commits');
  const digest = createHash('sha256').update(content).digest('hex');
  t.false(await cache.has(digest));
  await cache.put(digest, Readable.from([content]), {size: content.length, signal});
  t.true(await cache.has(digest));
  t.deepEqual(await buffer(await cache.open(digest)), content);

  const other = 'a'.repeat(64);
  await t.throwsAsync(cache.put(other, Readable.from([content]), {size: content.length, signal}), {
    code: 'Invalid',
  });
  await t.throwsAsync(cache.put(digest, Readable.from([content]), {size: 3, signal}), {code: 'Invalid'});
  await t.throwsAsync(cache.put(other, Readable.from([content]), {size: 99, signal}), {code: 'Invalid'});
  await t.throwsAsync(cache.open(other), {code: 'NotFound'});
  await t.throwsAsync(cache.has('../../etc/passwd'), {code: 'Invalid'});
  t.deepEqual(readdirSync(folder), [digest]);
});

test('an upload that was cut off leaves nothing, at the latest when the cache is opened again', async t => {
  const folder = folderFor(t);
  const cache = await openFsBundleCache(folder);
  const stop = new AbortController();
  const endless = new Readable({read() {}});
  const putting = cache.put('b'.repeat(64), endless, {size: 10, signal: stop.signal});
  stop.abort();
  await t.throwsAsync(putting);
  writeFileSync(join(folder, `${'c'.repeat(64)}.x.part`), '');
  await openFsBundleCache(folder);
  t.deepEqual(readdirSync(folder), []);
});

test('an installation is made once, also by many at once, and belongs to one server', async t => {
  const home = agentHome(folderFor(t));
  await ensureAgentHome(home);
  const made = await Promise.all(Array.from({length: 8}, () => ensureInstallation(home)));
  const [first = ''] = made;
  t.is(new Set(made).size, 1);
  t.regex(first, /^[0-9a-f]{6}$/);
  t.is(await ensureInstallation(home, first), first);
  await t.throwsAsync(ensureInstallation(home, first === '000000' ? '111111' : '000000'), {
    message: /another installation/,
  });
  writeFileSync(home.installationFile, 'nonsense');
  await t.throwsAsync(ensureInstallation(home), {message: /six hexadecimal digits/});
});

test('the configuration has defaults, and one that is malformed is refused by name', async t => {
  const home = agentHome(folderFor(t));
  await ensureAgentHome(home);
  t.deepEqual(await readAgentConfig(home), {});
  writeFileSync(home.configFile, '{"socket": "/run/x.sock", "listen": "0.0.0.0"}');
  t.deepEqual(await readAgentConfig(home), {socket: '/run/x.sock', listen: '0.0.0.0'});
  for (const bad of ['{', '{"listen": "everywhere"}', '{"sokcet": "x"}']) {
    writeFileSync(home.configFile, bad);
    await t.throwsAsync(readAgentConfig(home), {message: /config\.json is not valid/});
  }
});

test('a configuration that names providers leaves out the others, and one that names none leaves out nothing', t => {
  t.deepEqual(configOf({}, 'docker'), {});
  t.deepEqual(configOf({providers: {docker: {}}}, 'docker'), {});
  t.is(configOf({providers: {docker: {}}}, 'lxc'), undefined);
  t.deepEqual(configOf({socket: '/run/x.sock', providers: {qemu: {}}}, 'lxc'), {socket: '/run/x.sock'});
  t.is(configOf({socket: '/run/x.sock'}, 'docker'), undefined);
});

test('ports that listen are read from the kernel’s tables', t => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:08AE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 00000000:59D8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:B0A2 0100007F:08AE 01 00000000:00000000 00:00000000 00000000     0        0 3 1
`;
  t.deepEqual(parseListeningPorts(table, '0.0.0.0'), [2222, 23_000]);
  t.deepEqual(parseListeningPorts('', '0.0.0.0'), []);
  t.deepEqual(parseListeningPorts(table, '127.0.0.1'), [2222, 23_000]);
  t.deepEqual(
    parseListeningPorts(table, '10.0.0.1'),
    [23_000],
    'what listens on another address is not in the way',
  );
  const six = table.replaceAll('0100007F:08AE', `${'0'.repeat(32)}:08AE`);
  t.deepEqual(parseListeningPorts(six, '10.0.0.1'), [2222, 23_000]);
  t.deepEqual(parseListeningPorts(table, 'fd00::1'), [2222, 23_000]);
});

test('a log that has grown long is put aside, and no more than three old ones are kept', t => {
  const path = join(folderFor(t), 'agent.log');
  const log = openLogFile(path);
  const filler = 'x'.repeat(2 ** 20);
  for (let count = 0; count < 50; count += 1) {
    log.info({filler}, 'a line');
  }
  log.error({error: new Error('the reason')}, 'a fault');
  t.deepEqual(readdirSync(join(path, '..')).sort(), [
    'agent.log',
    'agent.log.1',
    'agent.log.2',
    'agent.log.3',
  ]);
  t.true(statSync(path).size < 9 * 2 ** 20);
});
