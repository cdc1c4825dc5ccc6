import {runSeed} from '../run-seed.ts';

/** Run as a program: runs seeds until one shows that something is broken, and prints what; at most as many as it is told. */
const [, , first = '1', count = '1'] = process.argv;
for (let seed = Number(first); seed < Number(first) + Number(count); seed += 1) {
  const {violations} = await runSeed(String(seed));
  const [violation] = violations;
  if (violation !== undefined) {
    process.stdout.write(
      `${JSON.stringify({seed, invariant: violation.invariant, message: violation.message})}\n`,
    );
    break;
  }
}
