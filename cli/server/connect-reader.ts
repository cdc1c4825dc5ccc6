import {tryConnect} from '../../agent/system/daemon-client.ts';
import {createJsonRpcConnection} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Connect} from '../../controller/agent-client/connect.ts';

export type ConnectReaderOptions = {
  /** How the controller connects. */
  readonly connect: Connect;
  /** Of this machine's agent. */
  readonly socket: string;
  readonly log: Logger;
};

/**
 * Connections to carry streams on. This machine's agent is reached without the relay between, which is a process that would have to copy every byte;
 * where it does not listen, the ordinary way starts it.
 */
export function createConnectReader({connect, socket: path, log}: ConnectReaderOptions): Connect {
  return async (node, signal) => {
    const isPlain = node.spec.local && node.spec.agentCommand === undefined;
    const socket = isPlain ? await tryConnect(path) : undefined;
    if (socket === undefined) {
      return await connect(node, signal);
    }

    return createJsonRpcConnection({input: socket, output: socket, log});
  };
}
