import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import {createJsonRpcConnection} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import {createLastLines} from './last-lines.ts';

export type ChildProcessOptions = {
  /** A program that speaks the protocol on its standard input and output, and ends when its input does. */
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Milliseconds that the process gets to end by itself when the connection is disposed of, before it is killed. */
const grace = 2000;

/** Disposing of it resolves once the process has ended. Throws AgentError `Disconnected` when the program can't be started. */
export async function createChildProcessConnection(
  {command: [program, ...args], env = process.env, clock, log}: ChildProcessOptions,
  signal: AbortSignal,
): Promise<AgentConnection> {
  signal.throwIfAborted();
  // Of whoever started the server by ssh; here the connection comes from the machine itself.
  const {SSH_CONNECTION: _, ...rest} = env;
  const child = spawn(program, args, {stdio: ['pipe', 'pipe', 'pipe'], env: rest});
  const exited = new Promise<void>(resolve => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const lastLines = createLastLines(child.stderr, log);
  const connection = createJsonRpcConnection({
    input: child.stdout,
    output: child.stdin,
    log,
    explain: lastLines.text,
  });
  const dispose = async () => {
    await connection[Symbol.asyncDispose]();
    using _timer = clock.schedule(grace, () => child.kill('SIGKILL'));
    await exited;
  };

  try {
    await once(child, 'spawn', {signal});
  } catch (error) {
    await dispose();
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new AgentError('Disconnected', `the agent could not be started: ${reason}`, {cause: error});
  }
  return {...connection, [Symbol.asyncDispose]: dispose};
}
