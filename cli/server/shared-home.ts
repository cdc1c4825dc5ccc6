import {mkdir, mkdtemp, readFile, rm} from 'node:fs/promises';
import path from 'node:path';
import {agentHome, ensureInstallation, readIfThere} from '../../agent/system/agent-home.ts';
import type {Random} from '../../api/effects/random.ts';
import {loadGatewayHostKey} from '../../api/gateway/gateway-host-key.ts';
import {newToken} from '../../api/server/tokens.ts';
import {loadSecretKey} from '../../api/storage/credential-key.ts';
import {loadSecretFile} from '../../api/storage/secret-file.ts';
import type {KeySet, SharedKeys} from '../../api/storage/shared-keys.ts';
import {ensureOwnKey, ownKeyFile} from '../ssh/identity.ts';

export type SharedHomeOptions = {
  readonly home: string;
  readonly keys: SharedKeys;
  readonly random: Random;
  readonly signal: AbortSignal;
};

/**
 * Gives `home` what all servers of one store have in common: who they are, to nodes, to clients and to each other. Makes it, or takes it from `home`, when
 * there is none yet. Resolves to whether there is a place for it; throws when `home` has something else, for it has served another store.
 */
export async function shareHome(options: SharedHomeOptions): Promise<boolean> {
  const {home, keys, random} = options;
  const shared = await keys.ensure(async present => await proposal(present, options));
  if (shared === undefined) {
    return false;
  }

  for (const [name, file] of Object.entries(filesOf(home))) {
    const value = shared[name];
    if (value !== undefined) {
      await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
      await loadSecretFile(
        file,
        {
          make: () => value,
          parse: content => (content.trim() === value.trim() ? content : undefined),
          complaint: `is not what the ${keys.place} has as ${name}: this home has served another store. Give the server another one with --home, or remove the file if nothing needs it`,
        },
        random,
      );
    }
  }

  return true;
}

/** The names of the files that a folder of keys must hold. */
export const requiredKeys = [
  'installation',
  'secret.key',
  'gateway_host_key',
  'id_ed25519',
  'admin-token',
] as const;

/** By name of the key. */
function filesOf(home: string): Readonly<Record<string, string>> {
  return {
    installation: agentHome(home).installationFile,
    'secret.key': path.join(home, 'secret.key'),
    gateway_host_key: path.join(home, 'gateway_host_key'),
    id_ed25519: ownKeyFile(home),
    'id_ed25519.pub': `${ownKeyFile(home)}.pub`,
    'admin-token': path.join(home, 'admin-token'),
  };
}

async function proposal(present: KeySet, {home, random, signal}: SharedHomeOptions): Promise<KeySet> {
  if (requiredKeys.every(name => present[name] !== undefined)) {
    return present;
  }

  const own = await readKeys(home);
  if (requiredKeys.every(name => own[name] !== undefined)) {
    return own;
  }

  // Made as ever, in a home that is none.
  const folder = await mkdtemp(path.join(home, '.keys-'));
  try {
    await loadSecretKey(path.join(folder, 'secret.key'), random);
    await loadGatewayHostKey(path.join(folder, 'gateway_host_key'), random);
    await ensureInstallation(agentHome(folder));
    await ensureOwnKey({home: folder, env: process.env, signal}, ownKeyFile(folder));
    const {'id_ed25519.pub': publicKey, ...made} = await readKeys(folder);
    const isPaired = own.id_ed25519 === undefined && publicKey !== undefined;
    return {
      ...made,
      ...(isPaired ? {'id_ed25519.pub': publicKey} : {}),
      'admin-token': `${newToken(random)}\n`,
      ...own,
    };
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

async function readKeys(home: string): Promise<KeySet> {
  const found = await Promise.all(
    Object.entries(filesOf(home)).map(async ([name, file]) => [name, await readIfThere(file)] as const),
  );
  return Object.fromEntries(
    found.flatMap(([name, content]) => (content === undefined ? [] : [[name, content]])),
  );
}

/** Keys in a folder, such as a Secret that is mounted. Nothing is written there. */
export function createKeyFolder(folder: string): SharedKeys {
  const read = async (name: string) => {
    try {
      return await readFile(path.join(folder, name), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        return undefined;
      }

      throw new Error(`the key ${path.join(folder, name)} can't be read`, {cause: error});
    }
  };
  return {
    place: `folder ${folder}`,
    async ensure() {
      const found = await Promise.all(
        [...requiredKeys, 'id_ed25519.pub'].map(async name => [name, await read(name)] as const),
      );
      const keys = Object.fromEntries(
        found.flatMap(([name, content]) => (content === undefined ? [] : [[name, content]])),
      );
      const missing = requiredKeys.filter(name => keys[name] === undefined);
      if (missing.length > 0) {
        throw new Error(`the folder of keys ${folder} lacks ${missing.join(', ')}`);
      }

      return keys;
    },
  };
}
