import {createReadStream} from 'node:fs';
import {access} from 'node:fs/promises';
import path from 'node:path';
import {agentHome, ensureInstallation} from '../../agent/system/agent-home.ts';
import {checkImport, importStore} from '../../api/storage/moving/import-store.ts';
import {describeCounts} from '../../api/storage/moving/movable-store.ts';
import {MoveRefused} from '../../api/storage/moving/move-store.ts';
import {readStoreFile, StoreFileInvalid} from '../../api/storage/moving/store-file.ts';
import type {Cli, InputStream} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {ensureHome} from '../home.ts';
import type {StoreOptions} from '../server/store-choice.ts';
import {storeChoice} from '../server/store-choice.ts';
import {createMoveProgress} from '../store/move-progress.ts';
import {holdStore, untilLost} from '../store/open-movable.ts';
import {serverCommand} from '../store/server-command.ts';

export type ImportOptions = StoreOptions & {readonly store: string};

/** Fills an empty store. The home becomes one of the installation that the file is of, whose instances it is to find. */
export async function importFile(cli: Cli, given: string | undefined, options: ImportOptions): Promise<void> {
  const choice = storeChoice(cli, options.store, options);
  const isInput = given === undefined || given === '-';
  const place = isInput ? 'standard input' : path.resolve(cli.cwd, given);
  try {
    const file = await readStoreFile(await openInput(cli, isInput ? undefined : place));
    await using destination = await holdStore(cli, choice, {create: true});
    using holding = untilLost(cli.signal, [destination]);
    // What is refused leaves the home as it was.
    await checkImport(destination.store, holding.signal);
    await ensureHome(cli.home);
    await ensureInstallation(agentHome(cli.home), file.header.installation);
    using progress = createMoveProgress(cli, 'imported');
    const counts = await importStore({
      file,
      place,
      destination: destination.store,
      clock: cli.clock,
      signal: holding.signal,
      onRecord: progress.show,
    });
    await destination.belongs.claim(file.header.installation);
    cli.print(`imported ${describeCounts(counts)} into ${destination.store.place}`);
    await warn(cli, counts.Credential ?? 0);
    cli.print(`next: ${serverCommand(choice)}`);
  } catch (error) {
    throw explain(error, place);
  }
}

async function openInput(cli: Cli, file: string | undefined): Promise<InputStream> {
  if (file === undefined) {
    if (cli.stdin.isTTY === true) {
      throw new CliError('usage', 'nothing to import: name a file, or redirect one to the input');
    }

    return cli.stdin;
  }

  try {
    await access(file);
  } catch (error) {
    throw new CliError('notFound', `${file} can't be read`, {cause: error});
  }

  return createReadStream(file);
}

/** Of what the file does not hold, and a server would make anew. */
async function warn(cli: Cli, credentials: number): Promise<void> {
  const key = path.join(cli.home, 'secret.key');
  const hasKey = await access(key).then(
    () => true,
    () => false,
  );
  if (credentials > 0 && !hasKey) {
    cli.note(
      `Before the server starts, copy secret.key from the home that it came from to ${key}: without it nobody can read the ${credentials === 1 ? 'credential' : `${credentials} credentials`}.`,
    );
  }
}

function explain(error: unknown, place: string): unknown {
  if (error instanceof StoreFileInvalid) {
    return new CliError('usage', `${place} can't be imported: ${error.message}`, {
      hint: 'No server uses the store until an import has come to its end: export again, and import that.',
      cause: error,
    });
  }

  if (error instanceof MoveRefused) {
    return new CliError('conflict', error.message, {
      hint: 'Nothing was changed. Import into another NEXUS_HOME, or another --namespace.',
      cause: error,
    });
  }

  return error;
}
