import {randomUUID} from 'node:crypto';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import type {SFTPWrapper} from 'ssh2';
import type {FileOptions} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {readSmallFile} from '../small-file.ts';
import type {Channel} from './channel.ts';

/** Files of one running machine, as root. */
export type Files = {
  /** Creates or replaces a file at once; its folder must exist. */
  write(path: string, content: Uint8Array | Readable, options: FileOptions): Promise<void>;
  read(path: string): Promise<Uint8Array>;
};

/** Of the SFTP protocol. */
const noSuchFile = 2;

/** Bits of a mode that say what kind of file it is, and those of a plain one. */
const kindMask = 0o170_000;
const plainFile = 0o100_000;

export function createFiles(channel: Channel): Files {
  return {
    async write(path, content, {mode, uid, gid}) {
      await withSftp(channel, async sftp => {
        const temporary = `${path}.${randomUUID()}`;
        try {
          const target = sftp.createWriteStream(temporary, {mode, flags: 'wx'});
          await pipeline(content instanceof Readable ? content : Readable.from([content]), target);
          await call(done => sftp.chown(temporary, uid, gid, done));
          await call(done => sftp.chmod(temporary, mode, done));
          await call(done => sftp.ext_openssh_rename(temporary, path, done));
        } catch (error) {
          await call(done => sftp.unlink(temporary, done)).catch(() => {});
          throw fileError(error, path);
        }
      });
    },

    async read(path) {
      return await withSftp(channel, async sftp => {
        try {
          const {mode} = await new Promise<{mode: number}>((resolve, reject) => {
            sftp.stat(path, (error, stats) => (error === undefined ? resolve(stats) : reject(error)));
          });
          if ((mode & kindMask) !== plainFile) {
            throw new DriverError('Internal', `${path} in the machine is not a plain file`);
          }
          const source = sftp.createReadStream(path);
          const closed = new Promise<void>(resolve => source.once('close', () => resolve()));
          const content = await readSmallFile(source, path);
          await closed;
          return content;
        } catch (error) {
          throw fileError(error, path);
        }
      });
    },
  };
}

async function withSftp<T>({client, closed}: Channel, work: (sftp: SFTPWrapper) => Promise<T>): Promise<T> {
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    client.sftp((error, opened) => {
      if (error === undefined) resolve(opened);
      else
        reject(
          new DriverError('BackendUnavailable', 'files of the machine can not be reached', {cause: error}),
        );
    });
  });
  const lost = closed.then(() => {
    throw new DriverError('BackendUnavailable', 'the connection into the machine has ended');
  });
  lost.catch(() => {});
  try {
    return await Promise.race([work(sftp), lost]);
  } finally {
    sftp.end();
  }
}

async function call(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    start(error => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

function fileError(error: unknown, path: string): DriverError {
  if (error instanceof DriverError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  return new DriverError(code === noSuchFile ? 'NotFound' : 'Internal', `${path} in the machine: ${reason}`, {
    cause: error,
  });
}
