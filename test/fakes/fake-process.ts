import {constants} from 'node:os';
import type {Readable, Writable} from 'node:stream';
import {PassThrough} from 'node:stream';
import type {ExecOptions, ExecProcess} from '../../agent/driver.ts';
import {DriverError} from '../../agent/driver.ts';
import type {FakeInstance} from './fake-backend.ts';

/** A command inside a fake instance, seen from within. */
export type ExecCall = Omit<ExecOptions, 'signal'> & {
  readonly instance: FakeInstance;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted once the process is to end: by a signal, or since its instance stopped. The exit code is given from outside then. */
  readonly killed: AbortSignal;
};

/** What a fake instance does with a command; resolves with the exit code. */
export type ExecHandler = (call: ExecCall) => Promise<number>;

/** Runs until its handler is done or it is killed. A handler that throws is a process that the backend lost. */
export function startFakeProcess(
  instance: FakeInstance,
  options: ExecOptions,
  handler: ExecHandler,
): ExecProcess {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const killed = new AbortController();
  const {promise: signalled, resolve: end} = Promise.withResolvers<number>();
  const kill: ExecProcess['kill'] = name => {
    end(128 + constants.signals[name]);
    killed.abort();
  };
  const abort = () => {
    kill('SIGKILL');
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  };

  async function run(): Promise<number> {
    try {
      const {signal: _, ...rest} = options;
      const call: ExecCall = {...rest, instance, stdin, stdout, stderr, killed: killed.signal};
      return await Promise.race([handler(call), signalled]);
    } catch (error) {
      throw error instanceof DriverError
        ? error
        : new DriverError('BackendUnavailable', `${options.command[0]} was lost`, {cause: error});
    } finally {
      options.signal?.removeEventListener('abort', abort);
      instance.processes.delete(kill);
      stdout.end();
      stderr.end();
    }
  }

  instance.processes.add(kill);
  options.signal?.addEventListener('abort', abort, {once: true});
  if (options.signal?.aborted) abort();
  const exitCode = run();
  exitCode.catch(() => {});
  return {stdin, stdout, stderr, exitCode, kill, resize() {}};
}
