import {createHash} from 'node:crypto';
import type {Clock} from '../effects/clock.ts';
import {timestampAt} from '../effects/clock.ts';
import type {Random} from '../effects/random.ts';
import type {Storage} from '../storage/storage.ts';
import {isStorageError, StorageError} from '../storage/storage-error.ts';
import type {Caller} from '../v1alpha1/admission.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import type {TokenCache} from './token-cache.ts';

/** Starts every token of ours, so that leaked ones are found by scanners and GitHub's are told apart. */
export const tokenPrefix = 'nexus_';

export type NewToken = {
  readonly user: string;
  readonly description: string;
  /** RFC 3339; never by default. */
  readonly expiresAt?: string | undefined;
  /** Registers this token instead of a new one, once however often it is asked for. */
  readonly token?: string;
};

/** Bearer tokens: opaque, random, stored as SHA-256 only. */
export type Tokens = {
  create(request: NewToken): Promise<{readonly token: string; readonly stored: Stored<'Token'>}>;
  /** Whose it is. Undefined for one that is unknown, expired, or whose user is gone. */
  identify(token: string): Promise<{readonly caller: Caller; readonly tokenId: string} | undefined>;
  list(user: string): Promise<readonly Stored<'Token'>[]>;
  /** Throws StorageError NotFound, also for another user's. */
  delete(user: string, name: string): Promise<void>;
};

export function createTokens({
  storage,
  clock,
  random,
  cache,
}: {
  storage: Storage;
  clock: Clock;
  random: Random;
  /** Asked first; without one, the store is. */
  cache?: TokenCache;
}): Tokens {
  const find: (sha256: string) => Promise<ReturnType<TokenCache['find']>> = async sha256 => {
    const [token] = (await storage.list('Token', {fields: {'spec.sha256': sha256}})).items;
    const user = token === undefined ? undefined : await findUser(storage, token.spec.user);
    return token === undefined || user === undefined ? undefined : {token, user};
  };
  const list = async (user: string) => (await storage.list('Token', {fields: {'spec.user': user}})).items;

  return {
    async create({user, description, expiresAt, token: given}) {
      const token = given ?? newToken(random);
      const stored = await storage.create('Token', {
        apiVersion,
        kind: 'Token',
        metadata: {name: given === undefined ? random.uuid() : nameOf(given)},
        spec: {user, sha256: hash(token), description, ...(expiresAt === undefined ? {} : {expiresAt})},
      });
      return {token, stored};
    },
    async identify(token) {
      // Looked up by its hash: how long that takes tells of the hash, and a hash is no help in finding 256 random bits.
      const sha256 = hash(token);
      const {token: stored, user} = cache?.find(sha256) ?? (await find(sha256)) ?? {};
      if (
        stored === undefined ||
        user === undefined ||
        user.metadata.deletionTimestamp !== undefined ||
        (stored.spec.expiresAt !== undefined && stored.spec.expiresAt <= timestampAt(clock.now()))
      ) {
        return undefined;
      }

      return {caller: {name: user.metadata.name, role: user.spec.role}, tokenId: stored.metadata.name};
    },
    list,
    async delete(user, name) {
      const stored = (await list(user)).find(({metadata}) => metadata.name === name);
      if (stored === undefined) {
        throw new StorageError('NotFound', `${user} has no token "${name}"`);
      }

      await storage.delete('Token', name, {preconditions: {uid: stored.metadata.uid}});
      cache?.forget(stored);
    },
  };
}

export function newToken(random: Random): string {
  return tokenPrefix + Buffer.from(random.bytes(32)).toString('base64url');
}

/** Of an object that is made for this token: two that register it at once make one. */
function nameOf(token: string): string {
  return `token-${hash(token).slice(0, 32)}`;
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

async function findUser(storage: Storage, name: string): Promise<Stored<'User'> | undefined> {
  try {
    return await storage.get('User', name);
  } catch (error) {
    if (isStorageError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}
