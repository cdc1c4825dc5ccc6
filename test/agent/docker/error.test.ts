import test from 'ava';
import {codeOfFailure} from '../../../agent/docker/error.ts';

for (const [message, status, code] of [
  ['No such container: abc', 404, 'NotFound'],
  ['No such image: nobody/has-this:latest', 404, 'ImageNotFound'],
  ['pull access denied for x, repository does not exist', 404, 'ImageNotFound'],
  ['Conflict. The container name "/x" is already in use by container "y".', 409, 'NotPermittedNow'],
  ['Container abc is not running', 409, 'NotPermittedNow'],
  ['removal of container abc is already in progress', 409, 'NotPermittedNow'],
  ['write /var/lib/docker/x: no space left on device', 500, 'NoSpace'],
  ['Get "https://registry-1.docker.io/v2/": dial tcp: lookup: no such host', 500, 'NetworkUnreachable'],
  ['Could not find the file /x in container abc', 404, 'NotFound'],
  ['something that nobody has thought of', 500, 'Internal'],
  ['something that nobody has thought of', undefined, 'Internal'],
] as const) {
  test(`"${message}" with status ${status} is ${code}`, t => {
    t.is(codeOfFailure({message, ...(status === undefined ? {} : {status})}), code);
  });
}
