import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import {createJsonRpcConnection} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import type {Logger} from '../../api/effects/logger.ts';
import {createLastLines} from './last-lines.ts';
import {isSshError} from './ssh-error.ts';
import {openSshSession} from './ssh-session.ts';

export type SshOptions = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The only key that the host may have: `ssh-ed25519 AAAA…`. Without one no connection is made. */
  readonly hostKey: string | undefined;
  /** In OpenSSH or PEM form. */
  readonly privateKey: string | Buffer;
  /** A program on the host that speaks the protocol on its standard input and output. */
  readonly command: readonly string[];
  readonly log: Logger;
};

/** One ssh session that runs the agent. Throws AgentError `Disconnected`, whose message says what to do. */
export async function createSshConnection(
  {command, privateKey, log, ...options}: SshOptions,
  signal: AbortSignal,
): Promise<AgentConnection> {
  await using stack = new AsyncDisposableStack();
  try {
    const session = stack.use(await openSshSession({...options, login: {privateKey}}, signal));
    const channel = await session.exec(command, signal);
    const lastLines = createLastLines(channel.stderr, log);
    const connection = createJsonRpcConnection({
      input: channel,
      output: channel,
      log,
      explain: lastLines.text,
    });
    stack.use(connection);
    const running = stack.move();
    return {...connection, [Symbol.asyncDispose]: () => running.disposeAsync()};
  } catch (error) {
    signal.throwIfAborted();
    throw isSshError(error) ? new AgentError('Disconnected', error.message, {cause: error}) : error;
  }
}
