import type {Readable, Writable} from 'node:stream';
import type {Clock} from '../api/effects/clock.ts';
import type {Style} from './output/style.ts';
import {styleFor} from './output/style.ts';

export type InputStream = Readable & {readonly isTTY?: boolean | undefined};
export type OutputStream = Writable & {readonly isTTY?: boolean | undefined; readonly columns?: number};

/** What a command works with besides its arguments: where it runs and whom it talks to. */
export type Cli = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** `$NEXUS_HOME`. It may not exist yet. */
  readonly home: string;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** For standard output. */
  readonly style: Style;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly version: string;
  /** A line of the result. */
  print(line: string): void;
  /** A line about the work: to standard error, so that it never gets into a pipe. */
  note(line: string): void;
};

export type CliOptions = Omit<Cli, 'style' | 'print' | 'note'>;

export function createCli(options: CliOptions): Cli {
  return {
    ...options,
    style: styleFor(options.stdout, options.env),
    print: line => {
      options.stdout.write(`${line}\n`);
    },
    note: line => {
      options.stderr.write(`${line}\n`);
    },
  };
}
