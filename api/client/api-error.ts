export type ApiErrorDetail = {readonly path: string; readonly message: string};

/**
 * What the server answered in place of what was asked for, or why it could not be asked. `code` is a CamelCase word of the server's
 * (`NotFound`, `Conflict`, `Invalid`, `Unauthorized`, …), or of the client's own:
 *
 * - `Unreachable`: nothing answers at that address. Whether a request that was cut off was carried out is not known.
 * - `BadResponse`: what answers there is no Nexus server.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly code: string;
  /** What to do. */
  readonly hint: string | undefined;
  readonly details: readonly ApiErrorDetail[];
  /** For the server's log. */
  readonly requestId: string | undefined;

  constructor(
    code: string,
    message: string,
    options: {
      status?: number;
      hint?: string | undefined;
      details?: readonly ApiErrorDetail[] | undefined;
      requestId?: string | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
    this.status = options.status ?? 0;
    this.hint = options.hint;
    this.details = options.details ?? [];
    this.requestId = options.requestId;
  }
}

export function isApiError(error: unknown, code?: string): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}
