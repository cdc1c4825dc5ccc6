import {createInterface} from 'node:readline/promises';
import {Writable} from 'node:stream';
import {text} from 'node:stream/consumers';
import type {Cli} from './cli.ts';
import {CliError} from './exit-code.ts';

/**
 * Asks for a secret without showing it; without a terminal it is all of standard input, less the newline at its end. Throws CliError when the
 * user gives up.
 */
export async function readSecret(
  {stdin, stderr, signal}: Pick<Cli, 'stdin' | 'stderr' | 'signal'>,
  prompt: string,
): Promise<string> {
  if (stdin.isTTY !== true) {
    return (await text(stdin)).replace(/\r?\n$/, '');
  }

  const silent = new Writable({write: (_chunk, _encoding, done) => done()});
  const ask = createInterface({input: stdin, output: silent, terminal: true});
  const givenUp = new AbortController();
  // In raw mode Ctrl-C is a key, and no signal.
  ask.once('SIGINT', () => givenUp.abort());
  ask.once('close', () => givenUp.abort());
  stderr.write(prompt);
  try {
    return await ask.question('', {signal: AbortSignal.any([signal, givenUp.signal])});
  } catch (error) {
    throw new CliError('interrupted', 'given up; nothing was changed', {cause: error});
  } finally {
    ask.close();
    stderr.write('\n');
  }
}
