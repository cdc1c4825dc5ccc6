import type {TestFn} from 'ava';
import {runSeed} from './run-seed.ts';

/** Registers tests of a range of seeds, in portions, so that progress is seen. Each failure names the command that replays it. */
export function simulateSeeds(
  test: TestFn,
  range: {prefix?: string; first: number; count: number; portion: number},
): void {
  const {prefix = ''} = range;
  for (let first = range.first; first < range.first + range.count; first += range.portion) {
    const last = Math.min(first + range.portion, range.first + range.count) - 1;
    test.serial(
      `after any trouble all becomes as declared, and nothing is lost on the way: seeds ${prefix}${first} to ${last}`,
      async t => {
        for (let seed = first; seed <= last; seed += 1) {
          const {violations} = await runSeed(`${prefix}${seed}`);
          t.deepEqual(
            violations.map(({message}) => message),
            [],
            `replay it with: hack/simulate ${prefix === '' ? '' : '--drain '}--seed ${seed} --verbose`,
          );
        }
      },
    );
  }
}
