import {fchmodSync, fstatSync} from 'node:fs';
import {access, open, rename, rm} from 'node:fs/promises';
import path from 'node:path';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {agentHome, newInstallation, readInstallation} from '../../agent/system/agent-home.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import {systemRandom} from '../../api/effects/random.ts';
import type {RecordCounts} from '../../api/storage/moving/movable-store.ts';
import {counting, countRecord, describeCounts} from '../../api/storage/moving/movable-store.ts';
import {formatStoreFile} from '../../api/storage/moving/store-file.ts';
import {checkUsable} from '../../api/storage/moving/store-mark.ts';
import type {Cli, OutputStream} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import type {StoreChoice} from '../server/open-store.ts';
import type {StoreOptions} from '../server/store-choice.ts';
import {storeChoice} from '../server/store-choice.ts';
import {createMoveProgress} from '../store/move-progress.ts';
import type {ReadableStore} from '../store/open-movable.ts';
import {openReadable} from '../store/open-movable.ts';

export type ExportOptions = StoreOptions & {readonly store: string};

/** Writes the store to a file that only its owner can read, or to standard output. Whoever uses the store is not in the way. */
export async function exportStore(cli: Cli, file: string | undefined, options: ExportOptions): Promise<void> {
  const isOutput = file === undefined || file === '-';
  if (isOutput && cli.stdout.isTTY === true) {
    throw new CliError('usage', 'a store is not for the screen: name a file, or redirect the output');
  }

  const choice = storeChoice(cli, options.store, options);
  await using store = await openReadable(cli, choice);
  const mark = await store.mark();
  if (mark?.phase !== 'Moved') {
    checkUsable(mark, store.place);
  }

  let counts: RecordCounts = {};
  using progress = createMoveProgress(cli, 'exported');
  const lines = formatStoreFile(
    {
      id: systemRandom.uuid(),
      installation: await installationOf(cli, store),
      epoch: await store.epoch(),
      from: store.place,
      createdAt: timestampAt(cli.clock.now()),
      nexus: cli.version,
    },
    counting(store.records(cli.signal), record => {
      counts = countRecord(counts, record);
      progress.show(counts);
    }),
  );
  if (isOutput) {
    keepFromOthers(cli.stdout);
    await pipeline(Readable.from(lines), cli.stdout, {end: false, signal: cli.signal});
  } else {
    await writeFile(path.resolve(cli.cwd, file), lines, cli.signal);
  }

  progress.note(`exported ${describeCounts(counts)}${isOutput ? '' : ` to ${path.resolve(cli.cwd, file)}`}`);
  const key = await keyOf(cli, choice);
  progress.note(
    key === undefined
      ? 'Keep it to yourself.'
      : `Keep it to yourself, and ${key} with it: it is what the credentials in it are encrypted with.`,
  );
}

/** A home is only read. That of a store which no server has used yet is of none, and nothing on any node is. */
async function installationOf(cli: Cli, {belongs}: Pick<ReadableStore, 'belongs'>): Promise<string> {
  return (await belongs.installation()) ?? (await readInstallation(agentHome(cli.home))) ?? newInstallation();
}

/** Where the key is, for people; undefined where there is none, so that nothing has been encrypted with it. */
async function keyOf({home}: Pick<Cli, 'home'>, {kind}: StoreChoice): Promise<string | undefined> {
  const file = path.join(home, 'secret.key');
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) {
    return file;
  }

  return kind === 'kubernetes' ? 'secret.key of its Secret nexus-server' : undefined;
}

/** Whole or not at all. */
async function writeFile(target: string, lines: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  const part = `${target}.${systemRandom.uuid().slice(0, 8)}.part`;
  try {
    await using file = await open(part, 'wx', 0o600);
    await file.writeFile(lines, {signal});
    await file.sync();
    await rename(part, target);
  } catch (error) {
    await rm(part, {force: true});
    throw error;
  }
}

/** What the shell opened by `> file` others may be able to read. */
function keepFromOthers(stdout: OutputStream): void {
  const descriptor = 'fd' in stdout && typeof stdout.fd === 'number' ? stdout.fd : undefined;
  if (descriptor !== undefined && fstatSync(descriptor).isFile()) {
    fchmodSync(descriptor, 0o600);
  }
}
