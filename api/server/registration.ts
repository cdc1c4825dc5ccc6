import {isStorageError, StorageError} from '../storage/storage-error.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import {sshFingerprint} from '../v1alpha1/ssh-fingerprint.ts';
import type {User, UserSpec} from '../v1alpha1/user.ts';
import {invalid} from '../v1alpha1/validate.ts';
import type {Registered} from './account-messages.ts';
import type {CallerStorage} from './authorized-storage.ts';
import type {Tokens} from './tokens.ts';

/** Creates the User and its first token. Throws `AlreadyExists` for a name, or a GitHub account, that is registered. */
export async function register(
  {storage, tokens}: {storage: CallerStorage; tokens: Tokens},
  {name, spec}: {name: string; spec: UserSpec},
): Promise<Registered> {
  if (spec.githubId !== undefined) {
    const {items} = await storage.list('User', {fields: {'spec.githubId': String(spec.githubId)}});
    if (items.length > 0) {
      throw new StorageError('AlreadyExists', `The GitHub account ${spec.githubUsername} is registered`);
    }
  }

  const user: User = {apiVersion, kind: 'User', metadata: {name}, spec};
  const created = await storage.create('User', user).catch((error: unknown) => {
    throw isStorageError(error, 'AlreadyExists')
      ? new StorageError('AlreadyExists', `A user "${name}" is registered`)
      : error;
  });
  const {token} = await tokens.create({user: name, description: 'made at registration'});
  return {
    user_id: created.metadata.uid,
    name,
    registered_at: created.metadata.creationTimestamp,
    workspaces: [],
    token,
  };
}

/** As a User holds it. Throws `Invalid` when the key is damaged, or the fingerprint another key's. */
export function sshKeyOf(
  publicKey: string,
  fingerprint: string | undefined,
): {publicKey: string; fingerprint: string} {
  const actual = sshFingerprint(publicKey);
  if (actual === undefined) {
    throw invalid('The request is not valid', [
      {path: 'ssh_pubkey', message: 'is damaged: what it encodes is no key of that type'},
    ]);
  }

  if (fingerprint !== undefined && fingerprint !== actual) {
    throw invalid('The request is not valid', [
      {path: 'ssh_pubkey_fingerprint', message: `is not the key's, which is ${actual}`},
    ]);
  }

  return {publicKey, fingerprint: actual};
}
