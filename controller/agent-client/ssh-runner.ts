import {once} from 'node:events';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import type {ClientChannel} from 'ssh2';
import type {Clock} from '../../api/effects/clock.ts';
import {SshError} from './ssh-error.ts';
import type {SshSession} from './ssh-session.ts';

export type RunOptions = {
  /** What the program reads; nothing without it. */
  readonly input?: Readable | string;
  /** Milliseconds without a byte in either direction after which it is given up; a minute by default. */
  readonly silence?: number;
  readonly signal: AbortSignal;
};

export type RunResult = {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  /** At most 256 KiB of each are kept. */
  readonly stdout: string;
  readonly stderr: string;
};

const outputLimit = 262_144;
const defaultSilence = 60_000;

/** Runs programs on a machine to their end, side by side. */
export type SshRunner = (command: readonly string[], options: RunOptions) => Promise<RunResult>;

/**
 * Memory stays bounded however slow either side is. A run rejects with SshError `ConnectionLost`, also when nothing moves for too long, with what
 * `input` failed with, and with the signal's reason; the program's streams are closed then. A program that fails is an answer.
 */
export function createSshRunner(session: SshSession, clock: Clock): SshRunner {
  return async (command, options) => {
    const channel = await session.exec(command, options.signal);
    const result = await follow(channel, options, clock);
    // Without an exit code it may be the connection that ended, not the program.
    if (result.code === undefined) {
      session.closed.throwIfAborted();
    }
    return result;
  };
}

async function follow(
  channel: ClientChannel,
  {input, silence = defaultSilence, signal}: RunOptions,
  clock: Clock,
): Promise<RunResult> {
  const givenUp = new AbortController();
  const onAbort = () => givenUp.abort(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  let alarm: Disposable | undefined;
  const alive = () => {
    alarm?.[Symbol.dispose]();
    alarm = clock.schedule(silence, () => {
      givenUp.abort(new SshError('ConnectionLost', `nothing moved for ${silence / 1000} s`));
    });
  };
  alive();

  let code: number | undefined;
  channel.on('exit', (status: number | null) => {
    code = status ?? undefined;
  });
  // Kept for good: what breaks after the end must not end the process.
  channel.on('error', () => {});
  const stdout = collect(channel, alive);
  const stderr = collect(channel.stderr, alive);
  try {
    signal.throwIfAborted();
    const closed = once(channel, 'close', {signal: givenUp.signal});
    feed(channel, {input, alive}).catch(error => givenUp.abort(error));
    await closed;
    return {code, stdout: stdout(), stderr: stderr()};
  } catch (error) {
    channel.destroy();
    throw givenUp.signal.aborted ? givenUp.signal.reason : error;
  } finally {
    alarm?.[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
  }
}

/** Rejects only with what `input` itself failed with: a program that ends without reading all of it tells by its exit code. */
async function feed(
  channel: ClientChannel,
  {input, alive}: {readonly input: RunOptions['input']; readonly alive: () => void},
): Promise<void> {
  if (input === undefined) {
    channel.end();
    return;
  }
  const source = typeof input === 'string' ? Readable.from([Buffer.from(input)]) : input;
  const watched = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      alive();
      yield chunk;
    }
  };
  try {
    await pipeline(source, watched, channel);
  } catch {
    if (source.errored) {
      throw source.errored;
    }
  }
}

function collect(stream: Readable, alive: () => void): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('error', () => {});
  stream.on('data', (chunk: string) => {
    alive();
    text = text.length < outputLimit ? (text + chunk).slice(0, outputLimit) : text;
  });
  return () => text;
}
