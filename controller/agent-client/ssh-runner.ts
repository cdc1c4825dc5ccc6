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
  /** Each whole line of standard error, as it comes. */
  readonly onErrorLine?: (line: string) => void;
  readonly signal: AbortSignal;
};

export type RunResult = {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  /** At most its first 256 KiB. */
  readonly stdout: string;
  /** At most its last 256 KiB. */
  readonly stderr: string;
};

const outputLimit = 262_144;
const defaultSilence = 60_000;
const longestLine = 16_384;

/** Runs programs on a machine to their end, side by side. */
export type SshRunner = (command: readonly string[], options: RunOptions) => Promise<RunResult>;

/**
 * Memory stays bounded however slow either side is. A run rejects with SshError `ConnectionLost`, also when nothing moves for too long, with what
 * `input` failed with, and with the signal's reason; the program's streams are closed then. A program that fails is an answer.
 */
export function createSshRunner(session: SshSession, clock: Clock): SshRunner {
  return async (command, options) => {
    const channel = await session.exec(command, options.signal);
    const {status, ...outputs} = await follow(channel, options, clock);
    // The channel ended, and nobody told how the program did: it is the connection that is lost.
    if (status === undefined) {
      session.closed.throwIfAborted();
      throw new SshError('ConnectionLost', `the connection was lost while ${command[0]} ran there`);
    }
    return {...outputs, code: status ?? undefined};
  };
}

/** As ssh2 tells it: null when a signal ended the program, undefined when its end was not told. */
type Ending = Pick<RunResult, 'stdout' | 'stderr'> & {readonly status: number | null | undefined};

async function follow(
  channel: ClientChannel,
  {input, silence = defaultSilence, onErrorLine, signal}: RunOptions,
  clock: Clock,
): Promise<Ending> {
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

  // Kept for good: what breaks after the end must not end the process.
  channel.on('error', () => {});
  const stdout = collect(channel, alive);
  const stderr = collectEnd(channel.stderr, {alive, onErrorLine});
  try {
    signal.throwIfAborted();
    const closed = once(channel, 'close', {signal: givenUp.signal});
    feed(channel, {input, alive}).catch(error => givenUp.abort(error));
    // It carries the status, too; `exit` may be over before anybody can listen.
    const [status]: unknown[] = await closed;
    return {
      status: typeof status === 'number' || status === null ? status : undefined,
      stdout: stdout(),
      stderr: stderr(),
    };
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

function collectEnd(
  stream: Readable,
  {alive, onErrorLine}: {readonly alive: () => void; readonly onErrorLine: RunOptions['onErrorLine']},
): () => string {
  let text = '';
  let line = '';
  stream.setEncoding('utf8');
  stream.on('error', () => {});
  stream.on('data', (chunk: string) => {
    alive();
    text = (text + chunk).slice(-outputLimit);
    const lines = (line + chunk).split('\n');
    line = (lines.pop() ?? '').slice(-longestLine);
    for (const whole of lines) {
      onErrorLine?.(whole);
    }
  });
  return () => text;
}
