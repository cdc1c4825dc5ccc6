import {parseArgs} from 'node:util';
import {drainPrefix, runSeed} from '../test/simulation/run-seed.ts';

const usage = `Usage: hack/simulate [--seed N] [--count N] [--drain] [--verbose | --logs]

Runs the control plane in virtual time against nodes that fail on purpose. The same seed is the same run.

  --seed N    the first seed; 1 by default
  --count N   how many seeds; 1 by default
  --drain     seeds in which nodes are drained
  --verbose   print what happened, with the time since the start in seconds
  --logs      the same, with the logs of servers and agents
`;

const {values} = parseArgs({
  options: {
    seed: {type: 'string', default: '1'},
    count: {type: 'string', default: '1'},
    drain: {type: 'boolean', default: false},
    verbose: {type: 'boolean', default: false},
    logs: {type: 'boolean', default: false},
    help: {type: 'boolean', default: false},
  },
});

if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const [first, count] = [Number(values.seed), Number(values.count)];
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  process.stderr.write(`--seed and --count must be whole numbers\n\n${usage}`);
  process.exit(2);
}

let broken = 0;
const prefix = values.drain ? drainPrefix : '';
for (let seed = first; seed < first + count; seed += 1) {
  const {violations, trace, convergedAfter, steps} = await runSeed(`${prefix}${seed}`, {
    withLogs: values.logs,
  });
  if (values.verbose || values.logs) {
    process.stdout.write(`${trace.join('\n')}\n`);
  }

  const outcome =
    violations.length === 0
      ? `as declared ${(convergedAfter ?? 0) / 1000} s after the last fault`
      : violations.map(({message}) => message).join('\n  ');
  process.stdout.write(`seed ${prefix}${seed}: ${outcome} (${steps} steps)\n`);
  broken += violations.length === 0 ? 0 : 1;
}

process.exit(broken === 0 ? 0 : 1);
