import {runSeed} from '../run-seed.ts';

/** Run as a program: runs seeds until one shows that something is broken, and prints what; at most as many as it is told. */
const [, , first = '1', count = '1', prefix = ''] = process.argv;
for (let seed = Number(first); seed < Number(first) + Number(count); seed += 1) {
  const {violations} = await runSeed(`${prefix}${seed}`);
  const [violation] = violations;
  if (violation !== undefined) {
    process.stdout.write(
      `${JSON.stringify({seed: `${prefix}${seed}`, invariant: violation.invariant, message: violation.message})}\n`,
    );
    break;
  }
}
