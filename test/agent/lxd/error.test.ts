import test from 'ava';
import {codeOfFailure} from '../../../agent/lxd/error.ts';
import {codeOfSystemError} from '../../../agent/system-error-code.ts';

/** As LXD 5.0 and Incus 6.0 word them. */
const failures = [
  ['ImageNotFound', 404, 'Image alias not found'],
  ['ImageNotFound', 500, 'Image not provided for instance creation'],
  ['ImageNotFound', undefined, "Failed getting remote image info: The requested image couldn't be found"],
  ['NoSpace', undefined, 'Failed creating instance from image: write /x: no space left on device'],
  ['NoSpace', undefined, 'unpack failed: Disk quota exceeded'],
  ['NotPermittedNow', undefined, 'Instance is busy running a "stop" operation'],
  [
    'NotPermittedNow',
    undefined,
    'Failed creating instance record: UNIQUE constraint failed: instances.project_id, instances.name',
  ],
  ['NotPermittedNow', 409, 'This "instances" entry already exists'],
  ['NotPermittedNow', 400, 'IP address "10.0.0.2" already defined on another NIC'],
  ['NotPermittedNow', 412, "ETag doesn't match: a vs b"],
  ['NotPermittedNow', undefined, 'write /sys/fs/cgroup/memory.limit_in_bytes: device or resource busy'],
  ['TimedOut', undefined, 'Failed shutting down instance, status is "Running": context deadline exceeded'],
  [
    'TimedOut',
    undefined,
    'Failed shutting down instance, status is "Running": shutting down the container failed',
  ],
  ['BackendUnavailable', 503, 'LXD daemon is shutting down'],
  [
    'NetworkUnreachable',
    undefined,
    'Get "https://images.linuxcontainers.org/x": dial tcp: lookup images.linuxcontainers.org: no such host',
  ],
  ['PermissionDenied', 403, 'not authorized'],
  ['NotFound', 404, 'Instance not found'],
  ['NotFound', 404, 'whatever the reason'],
  ['Internal', 500, 'runtime error: index out of range'],
  ['Internal', undefined, ''],
] as const;

for (const [code, status, message] of failures) {
  test(`${status ?? 'an operation'}: "${message}" is ${code}`, t => {
    t.is(codeOfFailure(status === undefined ? {message} : {status, message}), code);
  });
}

test('a socket that nobody answers on means that the backend is unavailable, one without rights that it is denied', t => {
  const error = (code: string) => Object.assign(new Error('connect'), {code});
  t.is(codeOfSystemError(error('ECONNREFUSED')), 'BackendUnavailable');
  t.is(codeOfSystemError(error('ENOENT')), 'BackendUnavailable');
  t.is(codeOfSystemError(error('UND_ERR_SOCKET')), 'BackendUnavailable');
  t.is(codeOfSystemError(error('EACCES')), 'PermissionDenied');
  t.is(codeOfSystemError(error('UND_ERR_HEADERS_TIMEOUT')), 'TimedOut');
  t.is(codeOfSystemError(new Error('something else')), undefined);
  t.is(codeOfSystemError('text'), undefined);
});
