import type {IncomingMessage} from 'node:http';
import type {Middleware} from 'koa';
import {isLoopback} from '../peer.ts';
import {RequestError} from '../request-error.ts';

/**
 * On loopback a request must name the machine itself, or one of `allowedHosts`: a web page elsewhere whose name was made to
 * resolve to 127.0.0.1 (DNS rebinding) names itself.
 */
export function hostCheck(allowedHosts: readonly string[]): Middleware {
  return async function hostCheck(context, next) {
    checkHost(context.req, allowedHosts);
    await next();
  };
}

/** Throws RequestError `Misdirected`. */
export function checkHost(request: IncomingMessage, allowedHosts: readonly string[]): void {
  if (!isLoopback(request.socket.localAddress)) {
    return;
  }

  const host = (request.headers.host ?? '').replace(/:[0-9]+$/, '').toLowerCase();
  if (
    !['localhost', '127.0.0.1', '[::1]', ...allowedHosts].includes(host) &&
    !/^127(?:\.[0-9]{1,3}){3}$/.test(host)
  ) {
    throw new RequestError('Misdirected', `This server does not answer for "${host.slice(0, 253)}"`, {
      hint: 'Call it by the address it listens on, or start it with --allowed-host for a proxy in front of it.',
    });
  }
}
