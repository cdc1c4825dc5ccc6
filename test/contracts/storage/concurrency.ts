import test from 'ava';
import type {Storage} from '../../../api/storage/storage.ts';
import {isStorageError} from '../../../api/storage/storage-error.ts';
import {aWorkspace, withMetadata, withPorts} from './samples.ts';

export function concurrencyContract(name: string, open: () => Promise<Storage>): void {
  test(`${name}: of many who create the same object at once, one does`, async t => {
    await using storage = await open();
    const outcomes = await Promise.allSettled(
      Array.from({length: 20}, () => storage.create('Workspace', aWorkspace('a'))),
    );
    t.is(outcomes.filter(({status}) => status === 'fulfilled').length, 1);
    for (const outcome of outcomes) {
      t.true(outcome.status === 'fulfilled' || isStorageError(outcome.reason, 'AlreadyExists'));
    }
  });

  test(`${name}: no update is lost among many who read, change and write at once`, async t => {
    await using storage = await open();
    await storage.create('Workspace', aWorkspace('a', {metadata: {annotations: {count: '0'}}}));
    const increment = async (): Promise<void> => {
      const current = await storage.get('Workspace', 'a');
      const count = String(Number(current.metadata.annotations?.count) + 1);
      try {
        await storage.update('Workspace', withMetadata(current, {annotations: {count}}));
      } catch (error) {
        if (!isStorageError(error, 'Conflict')) {
          throw error;
        }

        return increment();
      }
    };

    await Promise.all(
      Array.from({length: 8}, async () => {
        for (let round = 0; round < 5; round += 1) {
          await increment();
        }
      }),
    );
    t.is((await storage.get('Workspace', 'a')).metadata.annotations?.count, '40');
  });

  test(`${name}: of many who want the same few ports at once, each port goes to one`, async t => {
    await using storage = await open();
    const workspaces = await Promise.all(
      Array.from({length: 12}, (_, index) => storage.create('Workspace', aWorkspace(`w${index}`))),
    );
    const outcomes = await Promise.allSettled(
      workspaces.map((each, index) =>
        storage.updateStatus('Workspace', withPorts(each, 'n', [2222 + (index % 4)])),
      ),
    );
    t.is(outcomes.filter(({status}) => status === 'fulfilled').length, 4);
    const {items} = await storage.list('Workspace', {fields: {'status.node': 'n'}});
    const ports = items.flatMap(({status}) => status?.ports ?? []).map(({nodePort}) => nodePort);
    t.deepEqual(ports.toSorted(), [2222, 2223, 2224, 2225]);
  });

  test(`${name}: of many who start an epoch at once, no two have the same`, async t => {
    await using storage = await open();
    const epochs = await Promise.all(Array.from({length: 10}, () => storage.beginEpoch()));
    t.is(new Set(epochs).size, 10);
  });
}
