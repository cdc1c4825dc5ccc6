import type {FailureCode} from '../../api/agent/v1alpha1/instance.ts';

/** `Unsupported`: the image lacks what is needed. */
export type GuestFailureCode = FailureCode | 'Unsupported';

/** Something inside an instance did not work, classified so that the controller can tell what helps. Messages hold no secrets. */
export class GuestError extends Error {
  override readonly name = 'GuestError';
  readonly code: GuestFailureCode;

  constructor(code: GuestFailureCode, message: string, options: {cause?: unknown} = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
  }
}
