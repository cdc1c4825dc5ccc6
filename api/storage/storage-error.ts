export type StorageErrorCode =
  /** No such object. */
  | 'NotFound'
  /** An object of that kind and name exists. */
  | 'AlreadyExists'
  /** The object changed since it was read, a precondition does not hold, or a node port is taken: read again. */
  | 'Conflict'
  /** The revision to watch or continue from is no longer retained: list again. */
  | 'Expired'
  /** The object is not valid; `issues` says where. */
  | 'Invalid'
  | 'Forbidden';

export type InvalidIssue = {readonly path: string; readonly message: string};

/** The closed set of what a store refuses. Anything else that is thrown is a fault. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly issues: readonly InvalidIssue[];

  constructor(
    code: StorageErrorCode,
    message: string,
    options: {cause?: unknown; issues?: readonly InvalidIssue[]} = {},
  ) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
    this.issues = options.issues ?? [];
  }
}

export function isStorageError(error: unknown, code?: StorageErrorCode): error is StorageError {
  return error instanceof StorageError && (code === undefined || error.code === code);
}
