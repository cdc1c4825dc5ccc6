import {isIP} from 'node:net';

/** The address of this machine at which the ssh session came in that this process runs in; undefined outside of one. */
export function arrivalAddress({SSH_CONNECTION = ''}: NodeJS.ProcessEnv): string | undefined {
  // "client's address, client's port, server's address, server's port", by sshd; a zone is of no use to anybody else.
  const address = SSH_CONNECTION.split(' ')[2] ?? '';
  return isIP(address) === 0 || address.includes('%') ? undefined : address;
}
