import {z} from 'zod';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {StorageError} from '../storage-error.ts';

const position = z.strictObject({
  kind: z.string(),
  revision: z.string().regex(/^[0-9]{1,19}$/),
  after: z.string(),
  token: z.string().optional(),
});

/** Where the next page of a list begins. */
export type Position = {
  readonly revision: string;
  /** The last name that was given. */
  readonly after: string;
  /** The API server's own token for the objects among which the next one is; without it, the first. */
  readonly token?: string | undefined;
};

export function formatContinue(kind: Kind, {revision, after, token}: Position): string {
  return Buffer.from(JSON.stringify({kind, revision, after, token})).toString('base64url');
}

/** Throws Invalid for what {@link formatContinue} did not give for this kind. */
export function parseContinue(kind: Kind, token: string): Position {
  const parsed = position.safeParse(decode(token));
  if (!parsed.success || parsed.data.kind !== kind) {
    throw new StorageError(
      'Invalid',
      `This is not a continue token of a list of ${kind}: start the list again`,
    );
  }

  return parsed.data;
}

function decode(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined;
  }
}
