import type {Readable} from 'node:stream';

/** Uploaded git bundles, named by the SHA-256 of their bytes. */
export type BundleStore = {
  has(digest: string): Promise<boolean>;
  /** Stores what hashes to `digest`, whole or not at all. Throws StorageError Invalid when it does not, or is longer than `limit` bytes. */
  put(digest: string, content: Readable, limit: number): Promise<void>;
  /** Throws StorageError NotFound. */
  open(digest: string): Promise<{readonly size: number; readonly content: Readable}>;
  list(): Promise<readonly {readonly digest: string; readonly storedAt: number}[]>;
  delete(digest: string): Promise<void>;
};
