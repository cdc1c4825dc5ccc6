/** Why there is no ssh session, or no more. */
export type SshErrorCode =
  /** The name does not resolve, or nothing answers at that address and port. */
  | 'Unreachable'
  /** No host key is pinned, or one that is none. */
  | 'HostKeyMissing'
  /** It shows another host key than the pinned one. */
  | 'HostKeyChanged'
  /** Neither the key nor the password opens that account. */
  | 'LoginRefused'
  /** It was there, and is gone; whether a program ran to its end is not known. */
  | 'ConnectionLost';

/** Its message is for people, and says what to do. */
export class SshError extends Error {
  override readonly name = 'SshError';
  readonly code: SshErrorCode;

  constructor(code: SshErrorCode, message: string, options: {cause?: unknown} = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
  }
}

export function isSshError(error: unknown, code?: SshErrorCode): error is SshError {
  return error instanceof SshError && (code === undefined || error.code === code);
}
