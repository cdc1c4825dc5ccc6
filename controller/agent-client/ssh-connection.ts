import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import {createJsonRpcConnection} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import type {Logger} from '../../api/effects/logger.ts';
import {createLastLines} from './last-lines.ts';
import {isSshError} from './ssh-error.ts';
import type {SshPool} from './ssh-pool.ts';

export type SshConnectionOptions = {
  readonly pool: SshPool;
  /** The name under which the connection is shared. */
  readonly node: string;
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

/** Runs the agent on the node's ssh connection. Throws AgentError `Disconnected`, whose message says what to do. */
export async function createSshConnection(
  {pool, node, command, privateKey, log, host, port, user, hostKey}: SshConnectionOptions,
  signal: AbortSignal,
): Promise<AgentConnection> {
  await using stack = new AsyncDisposableStack();
  try {
    const target = {host, port, user, hostKey, login: {privateKey}};
    const lease = stack.use(await pool.lease(node, target, signal));
    let connection: AgentConnection | undefined;
    stack.defer(() => {
      // When it is given up while it stands, it may be that nothing comes through any more.
      if (connection === undefined || !connection.closed.aborted) {
        lease.discard();
      }
    });
    const channel = await lease.exec(command, signal);
    const lastLines = createLastLines(channel.stderr, log);
    connection = createJsonRpcConnection({
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
