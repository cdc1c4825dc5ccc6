import {Readable} from 'node:stream';
import {isApiError} from './api-error.ts';
import type {Transport} from './transport.ts';

export type BundleUpload = {
  readonly content: Readable;
  /** Bytes in all. */
  readonly size: number;
  /** Called with the bytes sent so far. */
  readonly onProgress?: (sent: number) => void;
  readonly signal?: AbortSignal;
};

/** Git bundles by the SHA-256 of their bytes, in hexadecimal. Everything throws ApiError. */
export type BundleClient = {
  has(digest: string, options?: {signal?: AbortSignal}): Promise<boolean>;
  /** Whole or not at all; may be repeated. */
  upload(digest: string, bundle: BundleUpload): Promise<void>;
};

export function createBundleClient(transport: Transport): BundleClient {
  const of = (digest: string) => `/api/v1/bundles/${encodeURIComponent(digest)}`;
  return {
    async has(digest, {signal} = {}) {
      try {
        const {body} = await transport.open({method: 'HEAD', path: of(digest), signal});
        await body.dump();
        return true;
      } catch (error) {
        if (isApiError(error) && error.status === 404) {
          return false;
        }

        throw error;
      }
    },
    async upload(digest, {content, size, onProgress, signal}) {
      const {body} = await transport.open({
        method: 'PUT',
        path: of(digest),
        body: onProgress === undefined ? content : Readable.from(counted(content, onProgress)),
        headers: {'content-type': 'application/octet-stream', 'content-length': String(size)},
        timeout: 0,
        signal,
      });
      await body.dump();
    },
  };
}

async function* counted(content: AsyncIterable<Buffer>, onProgress: (sent: number) => void) {
  let sent = 0;
  for await (const chunk of content) {
    yield chunk;
    sent += chunk.length;
    onProgress(sent);
  }
}
