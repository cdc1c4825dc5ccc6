import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {nameOf, parseTargets} from '../resource-name.ts';
import {parseGoal} from '../wait/goal.ts';
import {waitFor} from '../wait/wait-for.ts';

export type WaitCommandOptions = {readonly for: string; readonly timeout: string};

export async function wait(cli: Cli, words: readonly string[], options: WaitCommandOptions): Promise<void> {
  const goal = parseGoal(options.for);
  const {targets} = parseTargets(words);
  if (targets.length === 0) {
    throw new CliError('usage', 'name what to wait for, such as workspace/my-project');
  }

  await using client = await connect(cli);
  await waitFor(cli, client, {targets, goal, timeout: options.timeout});
  for (const target of targets) {
    cli.print(`${nameOf(target)} ${goal.type === 'Delete' ? 'deleted' : 'condition met'}`);
  }
}
