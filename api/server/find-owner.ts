import type {Storage} from '../storage/storage.ts';
import {StorageError} from '../storage/storage-error.ts';
import type {Caller} from '../v1alpha1/admission.ts';
import {invalid} from '../v1alpha1/validate.ts';

/**
 * The name of the User with that GitHub name, which a User that is not from GitHub may have as its own name. Throws `Forbidden` when
 * that is not the caller, and the caller no admin; `Invalid` when there is none.
 */
export async function findOwner(storage: Storage, githubUsername: string, caller: Caller): Promise<string> {
  const wanted = githubUsername.toLowerCase();
  const {items} = await storage.list('User');
  const user =
    items.find(({spec}) => spec.githubUsername?.toLowerCase() === wanted) ??
    items.find(({metadata, spec}) => spec.githubUsername === undefined && metadata.name === wanted);
  const name = user?.metadata.name;
  if (name !== caller.name && caller.role !== 'admin') {
    throw new StorageError(
      'Forbidden',
      `You are ${caller.name}, not ${githubUsername}: only an admin creates for others`,
    );
  }

  if (name === undefined) {
    throw invalid('The request is not valid', [
      {path: 'github_username', message: `is nobody who is registered here: ${githubUsername}`},
    ]);
  }

  return name;
}
