import type {IncomingMessage} from 'node:http';
import {TLSSocket} from 'node:tls';

export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:::1$|(?:::ffff:)?127\.)/.test(address);
}

/** Whether the request was made on this machine: a proxy here speaks for others, and says so. */
export function isLocal({socket, headers}: IncomingMessage): boolean {
  return (
    isLoopback(socket.remoteAddress) &&
    headers['x-forwarded-for'] === undefined &&
    headers.forwarded === undefined
  );
}

/** Whether nobody on the way can read along: by TLS, or on this machine, where a proxy that answers for others has the TLS. */
export function isConfidential({socket}: IncomingMessage): boolean {
  return socket instanceof TLSSocket || isLoopback(socket.remoteAddress);
}
