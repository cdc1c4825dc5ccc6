import ssh2 from 'ssh2';
import type {Random} from '../effects/random.ts';
import {loadSecretFile} from '../storage/secret-file.ts';

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
export async function loadGatewayHostKey(
  path: string,
  random: Random,
  generate: () => string = generateKey,
): Promise<GatewayHostKey> {
  return await loadSecretFile(path, {...file, make: () => usableKey(generate)}, random);
}

function generateKey(): string {
  return ssh2.utils.generateKeyPairSync('ed25519', {comment: 'nexus gateway'}).private;
}

/** One ed25519 key in some 250 that ssh2 1.17 makes is one that nobody can read, ssh2 included. */
function usableKey(generate: () => string): string {
  for (;;) {
    const key = generate();
    if (file.parse(key) !== undefined) {
      return key;
    }
  }
}

const file = {
  parse(privateKey: string): GatewayHostKey | undefined {
    const parsed = ssh2.utils.parseKey(privateKey);
    return parsed instanceof Error || !parsed.isPrivateKey()
      ? undefined
      : {privateKey, publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')}`};
  },
  complaint:
    'does not hold a private key in OpenSSH form; restore it from a backup, or remove it and have everybody pin a new one',
};
