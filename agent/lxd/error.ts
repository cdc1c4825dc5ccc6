import type {DriverError} from '../driver.ts';

/** What LXD or Incus said about a request or operation that failed. */
export type Failure = {
  /** HTTP status of the answer; operations that fail later have none. */
  readonly status?: number;
  readonly message: string;
};

/**
 * The first line that fits decides. Both servers word their faults for people and give few codes, so most of this goes by text; the order
 * matters where one message contains another.
 */
const byMessage: readonly (readonly [RegExp, DriverError['code']])[] = [
  [/no space left|disk quota exceeded|not enough (?:disk )?space|exceeds? .*quota/i, 'NoSpace'],
  [
    /image\b.*(?:not (?:found|provided)|couldn't be found)|alias\b.*(?:not found|doesn't exist)/i,
    'ImageNotFound',
  ],
  [/(?:failed to|couldn't) (?:find|fetch|get) (?:the )?(?:requested )?image/i, 'ImageNotFound'],
  [
    /no such host|network is unreachable|no route to host|temporary failure in name resolution|dial tcp|i\/o timeout|tls handshake/i,
    'NetworkUnreachable',
  ],
  [
    /busy running|already running an? |device or resource busy|operation .*already (?:running|in progress)|already exists|already defined|unique constraint failed|currently in use|database is locked/i,
    'NotPermittedNow',
  ],
  [/(?:daemon|server|incus|lxd)\b.*(?:shutting down|starting up|not (?:yet )?ready)/i, 'BackendUnavailable'],
  [/context deadline exceeded|timed? ?out|timeout|shutting down the container failed/i, 'TimedOut'],
  [/permission denied|not authorized|forbidden|certificate is restricted/i, 'PermissionDenied'],
  [/not found|no such (?:object|file or directory)/i, 'NotFound'],
];

const byStatus: Readonly<Record<number, DriverError['code']>> = {
  403: 'PermissionDenied',
  404: 'NotFound',
  408: 'TimedOut',
  412: 'NotPermittedNow',
  423: 'NotPermittedNow',
  502: 'BackendUnavailable',
  503: 'BackendUnavailable',
  507: 'NoSpace',
};

export function codeOfFailure({status, message}: Failure): DriverError['code'] {
  return (
    byMessage.find(([pattern]) => pattern.test(message))?.[1] ??
    (status === undefined ? undefined : byStatus[status]) ??
    'Internal'
  );
}
