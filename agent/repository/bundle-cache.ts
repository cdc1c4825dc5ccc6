import type {Readable} from 'node:stream';

/** Git bundles on this node, named by the SHA-256 of their bytes. */
export type BundleCache = {
  has(digest: string): Promise<boolean>;
  /** Keeps what hashes to `digest` and is `size` bytes long, whole or not at all. Rejects with AgentError Invalid when it does not. */
  put(digest: string, content: Readable, options: {size: number; signal: AbortSignal}): Promise<void>;
  /** Rejects with AgentError NotFound. */
  open(digest: string): Promise<Readable>;
};
