import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import type {Clock} from '../../api/effects/clock.ts';
import {SshError} from '../agent-client/ssh-error.ts';
import type {SshSession} from '../agent-client/ssh-session.ts';

export type RunOptions = {
  readonly input?: string | Readable;
  /** Each whole line of standard error, as it comes. */
  readonly onErrorLine?: (line: string) => void;
  /** Milliseconds until it is given up. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

export type ProgramResult = {
  /** 128 + signal number when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** Most that is kept of each output: its beginning of standard output, its end of standard error. */
const longestOutput = 2 ** 20;
const longestComplaint = 16_384;

/** Runs a program on the machine to its end. A code other than 0 is an answer. Throws SshError `ConnectionLost`, or the reason of `signal`. */
export async function runProgram(
  session: SshSession,
  command: readonly string[],
  {input, onErrorLine, timeout, clock, signal}: RunOptions,
): Promise<ProgramResult> {
  const late = new AbortController();
  using _timer = clock.schedule(timeout, () =>
    late.abort(new SshError('ConnectionLost', `${command[0]} did not end there within ${timeout / 1000} s`)),
  );
  const either = AbortSignal.any([signal, session.closed, late.signal]);
  const channel = await session.exec(command, either);
  const {promise, resolve, reject} = Promise.withResolvers<number>();
  const giveUp = () => {
    channel.destroy();
    reject(either.reason);
  };
  either.addEventListener('abort', giveUp, {once: true});
  let stdout = '';
  let stderr = '';
  let line = '';
  channel.setEncoding('utf8');
  channel.on('data', (text: string) => {
    stdout = stdout.length < longestOutput ? stdout + text : stdout;
  });
  channel.stderr.setEncoding('utf8');
  channel.stderr.on('data', (text: string) => {
    stderr = (stderr + text).slice(-longestComplaint);
    const lines = (line + text).split('\n');
    line = (lines.pop() ?? '').slice(-longestComplaint);
    for (const whole of lines) {
      onErrorLine?.(whole);
    }
  });
  let code: number | undefined;
  channel.on('exit', (status: number | null) => {
    code = status ?? 128;
  });
  channel.on('error', reject);
  channel.on('close', () => {
    if (code === undefined) {
      reject(
        session.closed.reason ?? new SshError('ConnectionLost', `${command[0]} was cut off on the machine`),
      );
    } else {
      resolve(code);
    }
  });
  const source = typeof input === 'string' || input === undefined ? Readable.from([input ?? '']) : input;
  // A program that ends before it has read everything says itself what was wrong.
  const feeding = pipeline(source, channel, {signal: either}).catch(() => {});
  try {
    return {code: await promise, stdout, stderr};
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    either.removeEventListener('abort', giveUp);
    source.destroy();
    await feeding;
  }
}

/** The last line that a program complained with, for people. */
export function complaintOf({stderr, stdout, code}: ProgramResult): string {
  const lines = `${stdout}\n${stderr}`.split('\n').filter(line => line.trim() !== '');
  const said = lines.findLast(line => /^error: /.test(line)) ?? lines.at(-1);
  return said === undefined ? `it ended with ${code}` : said.replace(/^error: /, '').slice(0, 500);
}
