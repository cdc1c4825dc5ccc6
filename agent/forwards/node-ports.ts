import type {Duplex} from 'node:stream';

export type NodePort = AsyncDisposable & {readonly port: number};

/** Listening on ports of the node. */
export type NodePorts = {
  /**
   * Each connection is joined with what `connect` gives, to the end of both directions; dropped when that rejects. Rejects with
   * {@link PortInUseError} when another program has the port. Disposing of it also ends its connections.
   */
  listen(port: number, connect: (signal: AbortSignal) => Promise<Duplex>): Promise<NodePort>;
};

export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';
}
