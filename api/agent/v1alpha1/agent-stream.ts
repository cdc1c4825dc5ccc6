import type {Readable, Writable} from 'node:stream';

/** The caller's end of a stream that an agent serves: an exec, a log, a tunnel or an upload. Back-pressure reaches the other end. */
export type AgentStream = {
  /** Input of an exec or a tunnel; the bytes of an upload. Ending it ends the other side's input only. */
  readonly input: Writable;
  readonly output: Readable;
  /** Of an exec without a terminal; empty otherwise. */
  readonly errorOutput: Readable;
  /** Once all is over. `exitCode` for an exec. Rejects with AgentError when it was cut off or failed. */
  readonly finished: Promise<{readonly exitCode?: number}>;
  resize(columns: number, rows: number): void;
  /** Gives it up; the other side kills what it ran. */
  abort(): void;
};
