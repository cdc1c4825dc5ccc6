import {z} from 'zod';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {StorageError} from '../storage-error.ts';

const position = z.strictObject({
  kind: z.string(),
  revision: z.int().nonnegative(),
  after: z.string(),
});

/** Where the next page of a list begins. */
export type Position = {readonly revision: number; readonly after: string};

export function formatContinue(kind: Kind, {revision, after}: Position): string {
  return Buffer.from(JSON.stringify({kind, revision, after})).toString('base64url');
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
