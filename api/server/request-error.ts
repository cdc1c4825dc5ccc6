import type {InvalidIssue} from '../storage/storage-error.ts';
import {isStorageError} from '../storage/storage-error.ts';

/** What a request is refused with, besides what storage and agents refuse. The status of each is in `error-response.ts`. */
export type RequestErrorCode =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestTimeout'
  | 'PayloadTooLarge'
  | 'UnsupportedMediaType'
  | 'Misdirected'
  | 'Unprocessable'
  | 'UpgradeRequired'
  | 'TooManyRequests'
  | 'ServiceUnavailable'
  | 'InsufficientStorage'
  | 'Timeout';

export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestErrorCode;
  /** What the caller can do. */
  readonly hint: string | undefined;
  readonly details: readonly InvalidIssue[];
  /** Seconds after which it is worth trying again. */
  readonly retryAfter: number | undefined;

  constructor(
    code: RequestErrorCode,
    message: string,
    options: {
      hint?: string;
      details?: readonly InvalidIssue[];
      retryAfter?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
    this.retryAfter = options.retryAfter;
  }
}

/** What `work` returns. An `Invalid` of it is a `BadRequest`: not an object is wrong, but what was asked of a list. */
export function asQuery<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toBadRequest(error);
  }
}

/** For the `catch` of a promise. */
export function toBadRequest(error: unknown): unknown {
  return isStorageError(error, 'Invalid')
    ? new RequestError('BadRequest', error.message, {details: error.issues, cause: error})
    : error;
}
