import {posix} from 'node:path';
import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import {extract, pack} from 'tar-stream';
import type {FileOptions} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {readSmallFile} from '../small-file.ts';
import type {Client} from './client.ts';

/** As Linux has it. */
const mostLinks = 40;

export type ArchiveEntry = FileOptions & {
  /** Relative to the folder that it is put into. */
  readonly name: string;
  /** A folder without. */
  readonly content?: Uint8Array;
};

/** Puts files into a container that runs or not; each is replaced in one step. The folder must exist. */
export async function putFiles(
  client: Client,
  container: string,
  {folder, entries}: {readonly folder: string; readonly entries: readonly ArchiveEntry[]},
): Promise<void> {
  const tar = pack();
  for (const {name, content, mode, uid, gid} of entries) {
    if (content === undefined) tar.entry({name, type: 'directory', mode, uid, gid});
    else tar.entry({name, mode, uid, gid}, Buffer.from(content));
  }
  tar.finalize();
  await client.call('PUT', `/containers/${container}/archive`, {
    query: {path: folder, noOverwriteDirNonDir: 'true'},
    // Files of the agent are small; what is large is executed in.
    content: await buffer(tar),
    unlimited: true,
  });
}

/** Rejects with NotFound where there is nothing, and with Internal where there is no file. */
export async function getFile(
  client: Client,
  container: string,
  path: string,
  links = 0,
): Promise<Uint8Array> {
  const {body} = await client.download('GET', `/containers/${container}/archive`, {query: {path}});
  const tar = extract();
  body.on('error', error => tar.destroy(error));
  body.pipe(tar);
  try {
    for await (const entry of tar) {
      // Docker gives a link itself, and looks for what it names inside the container.
      if (entry.header.type === 'symlink' && links < mostLinks) {
        const target = posix.resolve(posix.dirname(path), entry.header.linkname ?? '');
        return await getFile(client, container, target, links + 1);
      }
      if (entry.header.type !== 'file') {
        throw new DriverError('Internal', `${path} is a ${entry.header.type}, not a file`);
      }
      return await readSmallFile(Readable.from(entry), path);
    }
  } catch (error) {
    if (error instanceof DriverError) throw error;
    throw new DriverError('BackendUnavailable', `reading ${path} was cut off`, {cause: error});
  } finally {
    body.destroy();
  }
  throw new DriverError('NotFound', `there is no ${path}`);
}
