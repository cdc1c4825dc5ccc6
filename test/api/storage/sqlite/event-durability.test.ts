import {copyFile} from 'node:fs/promises';
import test from 'ava';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {event} from '../../../../api/v1alpha1/event.ts';
import {apiVersion} from '../../../../api/v1alpha1/metadata.ts';
import {aWorkspace} from '../../../contracts/storage/samples.ts';
import {temporaryFolder} from './temporary-folder.ts';

const open = (path: string) => openSqliteStorage({path, clock: systemClock, random: systemRandom});

const anEvent = (name: string) =>
  event.parse({
    apiVersion,
    kind: 'Event',
    metadata: {name},
    spec: {
      regarding: {kind: 'Workspace', name: 'shop'},
      type: 'Normal',
      reason: 'Tested',
      message: 'It was tested.',
      actor: 'test',
      firstTimestamp: '2026-11-20T10:00:00.000Z',
      lastTimestamp: '2026-11-20T10:00:00.000Z',
    },
  });

/** The store as it is on a disk that never got what was written after this. */
async function powerCut(path: string, to: string): Promise<void> {
  await copyFile(path, to);
  await copyFile(`${path}-wal`, `${to}-wal`);
}

test('a revision that an Event had which the power took is not given to another write', async t => {
  await using folder = await temporaryFolder();
  const [path, cut] = [`${folder.path}/store.db`, `${folder.path}/cut.db`];
  await using storage = await open(path);
  await storage.create('Event', anEvent('one'));
  await powerCut(path, cut);
  const lost = await storage.create('Event', anEvent('two'));

  await using after = await open(cut);
  t.deepEqual(
    (await after.list('Event')).items.map(({metadata}) => metadata.name),
    ['one'],
  );
  const next = await after.create('Workspace', aWorkspace('shop'));
  t.true(Number(next.metadata.resourceVersion) > Number(lost.metadata.resourceVersion));
});

test('a store that is opened again goes on after all revisions that were given', async t => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/store.db`;
  let last = 0;
  for (const name of ['one', 'two', 'three']) {
    await using storage = await open(path);
    const recorded = await storage.create('Event', anEvent(name));
    const workspace = await storage.create('Workspace', aWorkspace(name));
    t.true(Number(recorded.metadata.resourceVersion) > last);
    last = Number(workspace.metadata.resourceVersion);
    t.is(last, Number(recorded.metadata.resourceVersion) + 1);
  }
});
