import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdtemp, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {pipeline} from 'node:stream/promises';
import {CliError} from '../exit-code.ts';
import type {WorkingCopy} from './working-copy.ts';
import {git} from './working-copy.ts';

/** A git bundle in a file that is gone once it is disposed of. */
export type Bundle = AsyncDisposable & {
  readonly file: string;
  readonly size: number;
  /** SHA-256 in hexadecimal. */
  readonly digest: string;
  readonly commit: string;
};

type Options = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
};

/** Everything that leads up to HEAD, and the branch that is checked out. Throws CliError. */
export async function createBundle(copy: WorkingCopy, options: Options): Promise<Bundle> {
  const shallow = await git(copy.folder, ['rev-parse', '--is-shallow-repository'], options);
  if (shallow.stdout.trim() === 'true') {
    throw new CliError('usage', `${copy.folder} is a shallow clone: its history is not all here`, {
      hint: 'Get the rest first: git fetch --unshallow',
    });
  }

  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-bundle-'));
  const remove = () => rm(folder, {recursive: true, force: true});
  try {
    const file = path.join(folder, 'bundle');
    const refs = copy.branch === undefined ? ['HEAD'] : ['HEAD', `refs/heads/${copy.branch}`];
    // One thread, since what several pack together differs from run to run.
    const made = await git(
      copy.folder,
      ['-c', 'pack.threads=1', 'bundle', 'create', '--quiet', file, ...refs],
      options,
    );
    if (made.code !== 0) {
      throw new CliError('failed', `git could not bundle the commits of ${copy.folder}`, {
        details: made.stderr.trim().split('\n'),
      });
    }

    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash, {signal: options.signal});
    return {
      file,
      size: (await stat(file)).size,
      digest: hash.digest('hex'),
      commit: copy.commit,
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
