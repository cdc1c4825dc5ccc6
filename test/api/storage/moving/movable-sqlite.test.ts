import {Readable} from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {importStore} from '../../../../api/storage/moving/import-store.ts';
import {moveStore} from '../../../../api/storage/moving/move-store.ts';
import {formatStoreFile, readStoreFile} from '../../../../api/storage/moving/store-file.ts';
import {openMovableSqlite} from '../../../../api/storage/sqlite/movable-sqlite.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {aWorkspace, finalizer, withMetadata, withPorts} from '../../../contracts/storage/samples.ts';
import {temporaryFolder} from '../sqlite/temporary-folder.ts';
import {all, contentOfStore, inOrder, storeRecords, streamOf} from './sample-records.ts';

const clock = systemClock;
const {signal} = new AbortController();
const header = {
  id: 'c0ffee',
  installation: '0123ab',
  epoch: 17,
  from: 'SQLite, elsewhere',
  createdAt: '2026-11-28T03:00:00.000Z',
  nexus: '1.2.3',
};

const open = (path: string) => openMovableSqlite({path, place: path, clock});

test('what is exported and imported into a fresh store is the same, to the last field', async t => {
  await using folder = await temporaryFolder();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(storeRecords(20), async records => {
      count += 1;
      await using first = await open(`${folder.path}/${count}.sqlite`);
      await first.receive(streamOf(records), signal);
      const lines = await all(formatStoreFile(header, first.records(signal)));
      await using second = await open(`${folder.path}/${count}-imported.sqlite`);
      await importStore({
        file: await readStoreFile(Readable.from(lines)),
        place: 'a file',
        destination: second,
        clock,
        signal,
        onRecord: () => {},
      });
      t.deepEqual(await contentOfStore(second), inOrder(records));
      t.is(await second.epoch(), header.epoch);
    }),
    {numRuns: 25},
  );
});

test('a store that was received is one to work with: versions, ports, deletions and the past go on', async t => {
  await using folder = await temporaryFolder();
  const [from, to] = [`${folder.path}/from.sqlite`, `${folder.path}/to.sqlite`];
  const effects = {clock, random: systemRandom};
  {
    await using storage = await openSqliteStorage({path: from, ...effects});
    const held = await storage.create('Workspace', aWorkspace('held', {metadata: {finalizers: [finalizer]}}));
    await storage.updateStatus('Workspace', withPorts(held, 'box', [2222]));
    await storage.delete('Workspace', 'held');
    await storage.create('Workspace', aWorkspace('gone'));
    await storage.delete('Workspace', 'gone');
    await storage.beginEpoch();
  }

  const before = await (async () => {
    await using source = await open(from);
    await using destination = await open(to);
    await moveStore({source, destination, ...effects, signal});
    return contentOfStore(source);
  })();
  await using storage = await openSqliteStorage({path: to, ...effects});
  const held = await storage.get('Workspace', 'held');
  const [expected] = before.flatMap(({type, object}) => (type === 'object' ? [object.metadata] : []));
  t.deepEqual({...held.metadata, resourceVersion: '0'}, expected as typeof held.metadata);
  const other = await storage.create('Workspace', aWorkspace('other'));
  await t.throwsAsync(storage.updateStatus('Workspace', withPorts(other, 'box', [2222])), {code: 'Conflict'});
  await storage.update('Workspace', withMetadata(held, {finalizers: []}));
  await t.throwsAsync(storage.get('Workspace', 'held'), {code: 'NotFound'});
  t.is((await storage.updateStatus('Workspace', withPorts(other, 'box', [2222]))).status?.node, 'box');
  const past = (await storage.history('Workspace', 'gone')).at(-1);
  t.is(past?.type, 'DELETED');
  t.is(past?.object.spec.owner, 'ada');
  t.true((await storage.beginEpoch()) > Math.floor(Date.now() / 1000) - 100);
});

test('a store is read as it is at one moment, while others write to it', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.sqlite`;
  await using storage = await openSqliteStorage({path, clock, random: systemRandom});
  await storage.create('Workspace', aWorkspace('a'));
  await storage.create('Workspace', aWorkspace('b'));
  const movable = await open(path);
  const records = movable.records(signal)[Symbol.asyncIterator]();
  const first = await records.next();
  await storage.delete('Workspace', 'b');
  const second = await records.next();
  t.deepEqual(
    [first, second].map(({value}) => value?.object.metadata.name),
    ['a', 'b'],
  );
  t.true((await records.next()).done);
  await movable[Symbol.asyncDispose]();
});
