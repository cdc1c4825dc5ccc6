import type {DriverError} from '../driver.ts';

/** What Docker said about a request that failed. */
export type Failure = {
  /** HTTP status of the answer; what fails in the middle of one has none. */
  readonly status?: number;
  readonly message: string;
};

/** The first that fits decides; the order matters where one message contains another. */
const byMessage: readonly (readonly [RegExp, DriverError['code']])[] = [
  [/no space left|disk quota exceeded/i, 'NoSpace'],
  [/no such image|manifest (?:for .* )?(?:not found|unknown)|pull access denied/i, 'ImageNotFound'],
  [
    /no such host|network is unreachable|no route to host|dial tcp|i\/o timeout|tls handshake/i,
    'NetworkUnreachable',
  ],
  [
    /already in use|is already in progress|is not running|is paused|must be stopped|cannot be removed|is (?:restarting|marked for removal)|device or resource busy/i,
    'NotPermittedNow',
  ],
  [/context (?:canceled|deadline exceeded)|timed? ?out/i, 'TimedOut'],
  [/permission denied|operation not permitted/i, 'PermissionDenied'],
  [/no such (?:container|exec|network)|could not find the file|not found/i, 'NotFound'],
];

const byStatus: Readonly<Record<number, DriverError['code']>> = {
  403: 'PermissionDenied',
  404: 'NotFound',
  409: 'NotPermittedNow',
  503: 'BackendUnavailable',
};

export function codeOfFailure({status, message}: Failure): DriverError['code'] {
  return (
    byMessage.find(([pattern]) => pattern.test(message))?.[1] ??
    (status === undefined ? undefined : byStatus[status]) ??
    'Internal'
  );
}
