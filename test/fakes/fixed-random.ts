import type {Random} from '../../api/effects/random.ts';

/** No chance at all: the same fraction each time, and ids and bytes that count up. */
export function fixedRandom(fraction = 0.5): Random {
  let count = 0;
  return {
    fraction: () => fraction,
    uuid() {
      count += 1;
      return `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`;
    },
    bytes(length) {
      count += 1;
      return Uint8Array.from({length}, (_, index) => (count >> (8 * (index % 4))) & 0xff);
    },
  };
}
