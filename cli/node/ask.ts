import {createInterface} from 'node:readline/promises';
import type {Cli} from '../cli.ts';

/** Asks a question that wants a yes. False without a terminal, and for any other answer. */
export async function askYes(
  {stdin, stderr, signal}: Pick<Cli, 'stdin' | 'stderr' | 'signal'>,
  question: string,
): Promise<boolean> {
  if (stdin.isTTY !== true) {
    return false;
  }

  const ask = createInterface({input: stdin, output: stderr});
  try {
    const answer = await ask.question(`${question} (yes/no)? `, {signal});
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    ask.close();
  }
}
