import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {exitCodes} from '../exit-code.ts';
import {createStepHistory} from '../node/follow-steps.ts';
import {checkStepsOutput, printSteps} from '../node/print-steps.ts';
import {createStepProgress} from '../node/step-progress.ts';
import {nodeName} from '../resource-name.ts';

/** Checks a node step by step, as `node add` would, changing nothing. Answers with the exit code. */
export async function testNode(
  cli: Cli,
  word: string,
  {output}: {readonly output?: string},
): Promise<number> {
  checkStepsOutput(output);
  const name = nodeName(word);
  await using client = await connect(cli);
  using progress = createStepProgress(cli, {to: output === undefined ? 'stdout' : 'stderr'});
  const outcome = await createStepHistory().follow(client.nodes.test(name, {signal: cli.signal}), progress);
  printSteps(cli, {name, outcome, output});
  return outcome.ok ? exitCodes.ok.code : exitCodes.failed.code;
}
