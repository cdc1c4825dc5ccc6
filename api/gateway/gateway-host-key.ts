import {chmod, link, open, readFile, rm} from 'node:fs/promises';
import ssh2 from 'ssh2';
import type {Random} from '../effects/random.ts';

export type GatewayHostKey = {
  /** In OpenSSH form, a secret. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…`: what clients pin. */
  readonly publicKey: string;
};

/**
 * The gateway's host key in the file at `path`, mode 0600; made on the first call. Two processes that make it at once get the same one. Throws
 * when the file holds something else: clients would take a new key for an attack.
 */
export async function loadGatewayHostKey(path: string, random: Random): Promise<GatewayHostKey> {
  const known = await readKey(path);
  if (known !== undefined) {
    return known;
  }

  const part = `${path}.${random.uuid()}`;
  try {
    {
      await using file = await open(part, 'wx', 0o600);
      await file.writeFile(ssh2.utils.generateKeyPairSync('ed25519', {comment: 'nexus gateway'}).private);
      await file.sync();
    }

    // Unlike a rename, a link never replaces the key of one who was faster.
    await link(part, path).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) {
        throw error;
      }
    });
  } finally {
    await rm(part, {force: true});
  }

  return (await readKey(path)) ?? unusable(path);
}

async function readKey(path: string): Promise<GatewayHostKey | undefined> {
  let privateKey: string;
  try {
    privateKey = await readFile(path, 'utf8');
    await chmod(path, 0o600);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) {
      return undefined;
    }

    throw error;
  }

  const parsed = ssh2.utils.parseKey(privateKey);
  return parsed instanceof Error || !parsed.isPrivateKey()
    ? unusable(path)
    : {privateKey, publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')}`};
}

function unusable(path: string): never {
  throw new Error(
    `${path} does not hold a private key in OpenSSH form; restore it from a backup, or remove it and have everybody pin a new one`,
  );
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
