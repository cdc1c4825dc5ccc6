import {writeSync} from 'node:fs';
import {systemClock} from '../../../../api/effects/clock.ts';
import {systemRandom} from '../../../../api/effects/random.ts';
import {openSqliteStorage} from '../../../../api/storage/sqlite/sqlite-storage.ts';
import {isStorageError} from '../../../../api/storage/storage-error.ts';
import {aWorkspace, withMetadata, withPorts} from '../../../contracts/storage/samples.ts';

/**
 * Run as a program with the path of a store: writes without end, and prints `<name> <resourceVersion>` (`<name> gone`) for each
 * write that was acknowledged, until it is killed.
 */
const [, , path = ''] = process.argv;
const storage = await openSqliteStorage({
  path,
  clock: systemClock,
  random: systemRandom,
  retention: {revisions: 200},
});
const acknowledge = (name: string, version: string) => writeSync(1, `${name} ${version}\n`);

// Ports are changed two at a time, so that half a change would be seen.
for (let round = 0; ; round += 1) {
  const name = `w${round % 17}`;
  try {
    const current = await storage.get('Workspace', name);
    if (round % 5 === 4) {
      await storage.delete('Workspace', name);
      acknowledge(name, 'gone');
      continue;
    }

    const base = 2000 + (round % 17) * 100 + 2 * (Math.floor(round / 17) % 40);
    const told = await storage.updateStatus('Workspace', withPorts(current, 'n', [base, base + 1]));
    acknowledge(name, told.metadata.resourceVersion);
    const annotated = await storage.update(
      'Workspace',
      withMetadata(told, {annotations: {round: String(round)}}),
    );
    acknowledge(name, annotated.metadata.resourceVersion);
  } catch (error) {
    if (!isStorageError(error, 'NotFound')) {
      throw error;
    }

    const created = await storage.create('Workspace', aWorkspace(name));
    acknowledge(name, created.metadata.resourceVersion);
  }

  if (round % 97 === 96) {
    await storage.compact();
  }
}
