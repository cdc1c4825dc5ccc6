import {randomBytes, randomUUID} from 'node:crypto';

/** The one source of chance: jitter, ids and secrets. Seeded under simulation. */
export type Random = {
  /** At least 0, less than 1. */
  fraction(): number;
  /** A version 4 UUID. */
  uuid(): string;
  /** Fit for secrets when the system provides them. */
  bytes(length: number): Uint8Array;
};

export const systemRandom: Random = {
  fraction: () => Math.random(),
  uuid: () => randomUUID(),
  bytes: length => randomBytes(length),
};
