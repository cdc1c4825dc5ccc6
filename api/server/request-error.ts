import type {InvalidIssue} from '../storage/storage-error.ts';

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
