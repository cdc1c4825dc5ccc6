import {createHash} from 'node:crypto';
import type {Clock} from '../effects/clock.ts';
import {timestampAt} from '../effects/clock.ts';
import type {Random} from '../effects/random.ts';
import type {Storage} from '../storage/storage.ts';
import {isStorageError, StorageError} from '../storage/storage-error.ts';
import type {Caller} from '../v1alpha1/admission.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';

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
}: {
  storage: Storage;
  clock: Clock;
  random: Random;
}): Tokens {
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
      const {items} = await storage.list('Token', {fields: {'spec.sha256': hash(token)}});
      const [stored] = items;
      if (
        stored === undefined ||
        (stored.spec.expiresAt !== undefined && stored.spec.expiresAt <= timestampAt(clock.now()))
      ) {
        return undefined;
      }

      const user = await findUser(storage, stored.spec.user);
      return user === undefined
        ? undefined
        : {caller: {name: user.metadata.name, role: user.spec.role}, tokenId: stored.metadata.name};
    },
    list,
    async delete(user, name) {
      const stored = (await list(user)).find(({metadata}) => metadata.name === name);
      if (stored === undefined) {
        throw new StorageError('NotFound', `${user} has no token "${name}"`);
      }

      await storage.delete('Token', name, {preconditions: {uid: stored.metadata.uid}});
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
    const user = await storage.get('User', name);
    return user.metadata.deletionTimestamp === undefined ? user : undefined;
  } catch (error) {
    if (isStorageError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}
