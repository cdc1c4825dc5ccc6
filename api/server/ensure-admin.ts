import {chmod, open, readFile, rename} from 'node:fs/promises';
import {dirname} from 'node:path';
import type {Clock} from '../effects/clock.ts';
import type {Random} from '../effects/random.ts';
import type {Storage} from '../storage/storage.ts';
import type {StorageErrorCode} from '../storage/storage-error.ts';
import {isStorageError} from '../storage/storage-error.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import {createTokens, tokenPrefix} from './tokens.ts';

export const adminName = 'admin';

const description = 'admin-token file';

/**
 * Sees to it that there is a User `admin`, and that the file at `path` (mode 0600) holds a token of it. A file that is lost is
 * made anew, and the token that was in it dies; a token that the store has lost is registered again. Safe to repeat, and to be
 * killed in.
 */
export async function ensureAdmin({
  storage,
  path,
  clock,
  random,
}: {
  storage: Storage;
  path: string;
  clock: Clock;
  random: Random;
}): Promise<{readonly token: string; readonly created: boolean}> {
  const tokens = createTokens({storage, clock, random});
  await ensureUser(storage);
  const kept = await readToken(path);
  if (kept !== undefined) {
    await chmod(path, 0o600);
    if ((await tokens.identify(kept))?.caller.name !== adminName) {
      await tokens.create({user: adminName, description, token: kept}).catch(unless('AlreadyExists'));
    }

    return {token: kept, created: false};
  }

  const old = (await tokens.list(adminName)).filter(({spec}) => spec.description === description);
  const {token} = await tokens.create({user: adminName, description});
  await writeToken(path, token);
  for (const {metadata} of old) {
    await tokens.delete(adminName, metadata.name);
  }

  return {token, created: true};
}

async function ensureUser(storage: Storage): Promise<void> {
  try {
    await storage.create('User', {
      apiVersion,
      kind: 'User',
      metadata: {name: adminName},
      spec: {role: 'admin', sshKeys: []},
    });
  } catch (error) {
    unless('AlreadyExists')(error);
  }
}

function unless(code: StorageErrorCode): (error: unknown) => void {
  return error => {
    if (!isStorageError(error, code)) {
      throw error;
    }
  };
}

/** Undefined when there is no file, or no token of ours in it. */
async function readToken(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return text.startsWith(tokenPrefix) && text.length >= tokenPrefix.length + 43 ? text : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return undefined;
    }

    throw error;
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function writeToken(path: string, token: string): Promise<void> {
  const part = `${path}.part`;
  {
    await using file = await open(part, 'w', 0o600);
    await file.chmod(0o600);
    await file.writeFile(`${token}\n`);
    await file.sync();
  }

  await rename(part, path);
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}
