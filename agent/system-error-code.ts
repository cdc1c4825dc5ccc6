import type {DriverError} from './driver.ts';

const bySystemCode: Readonly<Record<string, DriverError['code']>> = {
  EACCES: 'PermissionDenied',
  EPERM: 'PermissionDenied',
  ECONNREFUSED: 'BackendUnavailable',
  ECONNRESET: 'BackendUnavailable',
  ENOENT: 'BackendUnavailable',
  EPIPE: 'BackendUnavailable',
  UND_ERR_SOCKET: 'BackendUnavailable',
  UND_ERR_CLOSED: 'BackendUnavailable',
  UND_ERR_DESTROYED: 'BackendUnavailable',
  UND_ERR_CONNECT_TIMEOUT: 'BackendUnavailable',
  UND_ERR_HEADERS_TIMEOUT: 'TimedOut',
  UND_ERR_BODY_TIMEOUT: 'TimedOut',
};

/** Of what a socket threw; `undefined` for what is no fault of a connection. */
export function codeOfSystemError(error: unknown): DriverError['code'] | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? bySystemCode[code] : undefined;
}
