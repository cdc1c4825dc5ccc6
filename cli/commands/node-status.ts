import type {Cli} from '../cli.ts';
import {nodeName} from '../resource-name.ts';
import {describe} from './describe.ts';
import {get} from './get.ts';

/** How a node is: a page for people, or the resource for programs. */
export async function nodeStatus(
  cli: Cli,
  word: string,
  {output}: {readonly output?: string},
): Promise<void> {
  const name = nodeName(word);
  if (output === undefined) {
    await describe(cli, ['node', name]);
  } else {
    await get(cli, ['node', name], {output});
  }
}
