import type {Random} from '../../api/effects/random.ts';

/** Chance that a seed decides: the same seed, the same sequence. */
export type SeededRandom = Random & {
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** One of `choices`, or undefined when there are none. */
  pickAny<T>(choices: readonly T[]): T | undefined;
  /** Another sequence, decided by this one's seed and the name alone: draws from one do not shift the other. */
  fork(name: string): SeededRandom;
};

export function createSeededRandom(seed: string): SeededRandom {
  const fraction = sfc32(seed);
  const bytes = (length: number) => Uint8Array.from({length}, () => Math.floor(fraction() * 256));
  const between = (low: number, high: number) => low + Math.floor(fraction() * (high - low + 1));
  return {
    fraction,
    bytes,
    uuid() {
      const hex = Buffer.from(bytes(16)).toString('hex');
      const variant = '89ab'[Math.floor(fraction() * 4)];
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
    chance: probability => fraction() < probability,
    between,
    pick: choices => choices[between(0, choices.length - 1)] ?? choices[0],
    pickAny: choices => choices[between(0, choices.length - 1)],
    fork: name => createSeededRandom(`${seed}/${name}`),
  };
}

/** Chris Doty-Humphrey's Small Fast Counter, seeded by FNV-1a of the text. Answers at least 0, less than 1. */
function sfc32(seed: string): () => number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(seed)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }

  let [a, b, c, counter] = [hash, Math.imul(hash, 0x9e3779b1), hash ^ 0x5bd1e995, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };

  for (let warmUp = 0; warmUp < 12; warmUp += 1) {
    next();
  }

  return next;
}
