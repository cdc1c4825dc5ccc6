import type {Readable} from 'node:stream';

/** Uploaded git bundles, named by the SHA-256 of their bytes. */
export type BundleStore = {
  /** Whether it is there. If so it counts as stored now: whoever asks is about to name it in a workspace, and need not upload it again. */
  has(digest: string): Promise<boolean>;
  /**
   * Stores what hashes to `digest`, whole or not at all. Throws StorageError Invalid when it does not, or is longer than `limit` bytes;
   * BundleStoreFull when there is no more room.
   */
  put(digest: string, content: Readable, limit: number): Promise<void>;
  /** Throws StorageError NotFound. */
  open(digest: string): Promise<{readonly size: number; readonly content: Readable}>;
  /** `storedAt` is in milliseconds since 1970. */
  list(): Promise<readonly {readonly digest: string; readonly storedAt: number}[]>;
  delete(digest: string): Promise<void>;
};

/** All bundles together are as large as they may be. */
export class BundleStoreFull extends Error {
  override readonly name = 'BundleStoreFull';
}
