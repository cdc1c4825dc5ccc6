import {createCipheriv, createDecipheriv, createHash} from 'node:crypto';
import type {GitCredential} from '../agent/v1alpha1/instance.ts';
import {gitCredential} from '../agent/v1alpha1/instance.ts';
import type {Random} from '../effects/random.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import type {Storage} from './storage.ts';
import {isStorageError, StorageError} from './storage-error.ts';

/** Users' secrets for git hosts, encrypted with the server's key; one for each user and host. */
export type CredentialStore = {
  /** Replaces the one that is there. Throws StorageError Invalid for what is no host name. */
  put(user: string, host: string, credential: GitCredential): Promise<void>;
  /** Throws StorageError NotFound. */
  delete(user: string, host: string): Promise<void>;
  /** Without the secrets. */
  list(user: string): Promise<readonly {readonly host: string; readonly createdAt: string}[]>;
  /**
   * What git needs to clone `url` for `owner`: a password for https, a key for ssh. Undefined without one, and for http and git, where
   * everybody on the way could read it. Throws when it can't be decrypted: the server's key is another one than it was.
   */
  forRepository(owner: string, url: string): Promise<GitCredential | undefined>;
};

/** Bytes, as AES-GCM has them. */
const nonceLength = 12;
const tagLength = 16;

export function createCredentialStore({
  storage,
  key,
  random,
}: {
  storage: Storage;
  /** 32 bytes; see {@link loadSecretKey}. */
  key: Uint8Array;
  random: Random;
}): CredentialStore {
  const encrypt = (user: string, host: string, credential: GitCredential): string => {
    const nonce = random.bytes(nonceLength);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, {authTagLength: tagLength});
    cipher.setAAD(Buffer.from(identity(user, host)));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(credential)), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
  };

  const decrypt = (user: string, host: string, ciphertext: string): GitCredential => {
    const bytes = Buffer.from(ciphertext, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceLength), {
      authTagLength: tagLength,
    });
    decipher.setAAD(Buffer.from(identity(user, host)));
    decipher.setAuthTag(bytes.subarray(nonceLength, nonceLength + tagLength));
    try {
      const text = Buffer.concat([
        decipher.update(bytes.subarray(nonceLength + tagLength)),
        decipher.final(),
      ]);
      return gitCredential.parse(JSON.parse(text.toString()));
    } catch (cause) {
      throw new Error(
        `The credential of ${user} for ${host} can't be decrypted: was the server's key replaced?`,
        {
          cause,
        },
      );
    }
  };

  return {
    async put(user, host, credential) {
      checkHost(host);
      const object = {
        apiVersion,
        kind: 'Credential' as const,
        metadata: {name: nameOf(user, host)},
        spec: {user, host, ciphertext: encrypt(user, host, credential)},
      } as const;
      try {
        await storage.create('Credential', object);
      } catch (error) {
        if (!isStorageError(error, 'AlreadyExists')) {
          throw error;
        }

        await storage.update('Credential', object);
      }
    },
    async delete(user, host) {
      await storage.delete('Credential', nameOf(user, host));
    },
    async list(user) {
      const {items} = await storage.list('Credential', {fields: {'spec.user': user}});
      return items.map(({metadata, spec}) => ({host: spec.host, createdAt: metadata.creationTimestamp}));
    },
    async forRepository(owner, url) {
      const {host, transport} = parseRepositoryUrl(url);
      try {
        const {spec} = await storage.get('Credential', nameOf(owner, host));
        const credential = decrypt(owner, host, spec.ciphertext);
        return credential.type === credentialFor[transport] ? credential : undefined;
      } catch (error) {
        if (isStorageError(error, 'NotFound')) {
          return undefined;
        }

        throw error;
      }
    },
  };
}

/** Also binds a ciphertext to its place: one that was copied to another user's does not decrypt. */
function identity(user: string, host: string): string {
  return `${user}\n${host.toLowerCase()}`;
}

function nameOf(user: string, host: string): string {
  return createHash('sha256').update(identity(user, host)).digest('hex').slice(0, 40);
}

/** The host, lower case and with its port if the address has one, that a credential for this repository is kept under. */
export function repositoryHost(url: string): string {
  return parseRepositoryUrl(url).host;
}

type Transport = 'https' | 'ssh' | 'open';

const credentialFor: Readonly<Record<Transport, GitCredential['type'] | undefined>> = {
  https: 'password',
  ssh: 'sshKey',
  open: undefined,
};

/** `https://host[:port]/…`, `ssh://user@host/…` and git's own `user@host:path`; `open` is what anybody can read. */
function parseRepositoryUrl(url: string): {host: string; transport: Transport} {
  const scp = /^[^/@:]+@([^/:]+):/.exec(url)?.[1];
  if (scp !== undefined) {
    return {host: scp.toLowerCase(), transport: 'ssh'};
  }

  const parsed = new URL(url);
  const host = parsed.host.toLowerCase();
  switch (parsed.protocol) {
    case 'https:':
      return {host, transport: 'https'};
    case 'ssh:':
      return {host, transport: 'ssh'};
    default:
      return {host, transport: 'open'};
  }
}

function checkHost(host: string): void {
  if (host.length > 253 || !/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?$/.test(host)) {
    throw new StorageError('Invalid', `"${host.slice(0, 253)}" is not the name of a git server`, {
      issues: [{path: 'host', message: 'must be a host such as github.com or git.example.com:8443'}],
    });
  }
}
