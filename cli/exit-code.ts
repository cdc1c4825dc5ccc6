/** What the exit code of every command says; `nexus help exit-codes` prints it. */
export const exitCodes = {
  ok: {code: 0, meaning: 'Done. For diff: nothing would change.'},
  failed: {code: 1, meaning: 'It failed; the message says why. For diff: something would change.'},
  usage: {code: 2, meaning: 'The command or a file that it was given is not valid. Nothing was changed.'},
  diffFailed: {code: 3, meaning: 'diff could not compare.'},
  unauthenticated: {code: 4, meaning: 'The server wants a valid token, or one that may do this.'},
  notFound: {code: 5, meaning: 'No such resource.'},
  timedOut: {code: 6, meaning: 'What was waited for did not come about in time. It may still.'},
  unreachable: {code: 7, meaning: 'No server answers at that address.'},
  conflict: {code: 8, meaning: 'It exists already, or was changed by somebody else meanwhile.'},
  refused: {code: 9, meaning: 'It would destroy something, and that was not allowed by a flag.'},
  interrupted: {code: 130, meaning: 'Interrupted by Ctrl-C (143: by SIGTERM).'},
} as const;

export type ExitReason = keyof typeof exitCodes;

/** A failure that the command line itself found: what happened and why, and in `hint` what to do next. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly reason: ExitReason;
  readonly hint: string | undefined;
  /** One line each, such as issues of a file. */
  readonly details: readonly string[];

  constructor(
    reason: ExitReason,
    message: string,
    options: {
      readonly hint?: string | undefined;
      readonly details?: readonly string[];
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.reason = reason;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}
