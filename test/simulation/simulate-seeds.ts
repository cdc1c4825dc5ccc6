import type {TestFn} from 'ava';
import {runSeed} from './run-seed.ts';

/** Registers tests of a range of seeds, in portions, so that progress is seen. Each failure names the command that replays it. */
export function simulateSeeds(test: TestFn, range: {first: number; count: number; portion: number}): void {
  for (let first = range.first; first < range.first + range.count; first += range.portion) {
    const last = Math.min(first + range.portion, range.first + range.count) - 1;
    test.serial(
      `after any trouble all becomes as declared, and nothing is lost on the way: seeds ${first} to ${last}`,
      async t => {
        for (let seed = first; seed <= last; seed += 1) {
          const {violations} = await runSeed(String(seed));
          t.deepEqual(
            violations.map(({message}) => message),
            [],
            `replay it with: hack/simulate --seed ${seed} --verbose`,
          );
        }
      },
    );
  }
}
