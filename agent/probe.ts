/** Looks from the node whether something answers inside an instance. Each rejects, with a reason for people, when it does not. */
export type Probe = {
  /** Resolves once an sshd has sent its banner. */
  ssh(address: string, port: number, signal: AbortSignal): Promise<void>;
  tcp(address: string, port: number, signal: AbortSignal): Promise<void>;
  /** Resolves to the status code of a GET. */
  http(address: string, request: {port: number; path: string}, signal: AbortSignal): Promise<number>;
};

/** Nothing listens on that address and port; something may on the instance's own loopback. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}
