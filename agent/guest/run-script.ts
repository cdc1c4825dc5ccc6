import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import type {Driver} from '../driver.ts';

export type ScriptOptions = {
  readonly user: 'root' | 'dev';
  /** Shows in the list of processes, and names the script to a simulated instance. */
  readonly name: string;
  readonly script: string;
  /** What users wrote goes here, never into the script. */
  readonly args: readonly string[];
  readonly input?: string | Readable;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  readonly signal: AbortSignal;
};

export type ScriptResult = {
  readonly exitCode: number;
  readonly output: string;
  /** Its end, at most 16 KiB. */
  readonly complaint: string;
};

const longestOutput = 8 * 2 ** 20;
const longestComplaint = 16_384;
/** Of a line; what is longer is none that a script of ours prints. */
const longestLine = 16_384;

/** Runs a bash script in an instance, to its end. Rejects with DriverError, or the signal's reason once aborted. */
export async function runScript(driver: Driver, uid: string, options: ScriptOptions): Promise<ScriptResult> {
  const {user, name, script, args, input, env, onLine, signal} = options;
  const process = await driver.exec(uid, {
    command: ['/bin/bash', '-c', script, name, ...args],
    user,
    ...(env === undefined ? {} : {env}),
    signal,
  });
  const feeding = pipeline(
    typeof input === 'string' || input === undefined
      ? Readable.from(input ? [Buffer.from(input)] : [])
      : input,
    process.stdin,
  ).catch(() => {
    // A script that ends before it has read everything says itself what was wrong.
  });
  try {
    const [output, complaint, exitCode] = await Promise.all([
      collect(process.stdout, longestOutput, onLine),
      collect(process.stderr, longestComplaint),
      process.exitCode,
    ]);
    await feeding;
    // What it said when it was killed is of no interest.
    signal.throwIfAborted();
    return {exitCode, output, complaint};
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The end of a stream as text, at most `limit` characters. */
export async function collect(
  stream: Readable,
  limit: number,
  onLine?: (line: string) => void,
): Promise<string> {
  let text = '';
  let line = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    text += chunk;
    // Not cut at every chunk, which copies all of it.
    if (text.length > 2 * limit) {
      text = text.slice(-limit);
    }
    if (onLine !== undefined) {
      const lines = `${line}${chunk}`.split('\n');
      line = (lines.pop() ?? '').slice(-longestLine);
      lines.forEach(onLine);
    }
  }
  return text.slice(-limit);
}
