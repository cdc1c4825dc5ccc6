import type {SetupOutcome} from './guest.ts';

/** Characters, as `setup.sh` cuts it. */
const longestMessage = 4000;

/** Of what `setup.sh` prints at last; undefined when there is no result that could be one. */
export function parseSetupResult(output: string): SetupOutcome | undefined {
  const result = /^result (\d{1,3}) (\d{1,3})\n/m.exec(output);
  if (result === null) {
    return undefined;
  }
  const [line, exitCode, step] = result;
  return {
    exitCode: Number(exitCode),
    step: Number(step),
    message: output
      .slice(result.index + line.length)
      .slice(-longestMessage)
      .trimEnd(),
  };
}
