import type {Stored} from '../v1alpha1/kinds.ts';

/** Tokens and their users as watches have brought them, so that a request does not cost a look into the store. */
export type TokenCache = {
  /** Undefined when the store must be asked: it is not known here, or what is known may be old. */
  find(sha256: string): {readonly token: Stored<'Token'>; readonly user: Stored<'User'>} | undefined;
  /** It was deleted just now, which the watch will say later. */
  forget(token: Stored<'Token'>): void;
};
