import type {Middleware} from 'koa';
import {RequestError} from '../request-error.ts';
import type {RequestState} from '../request-state.ts';
import type {TokenBuckets} from '../token-buckets.ts';
import type {Tokens} from '../tokens.ts';
import {tokenPrefix} from '../tokens.ts';
import {takeOrRefuse} from './rate-limit.ts';

/**
 * Finds out who asks. A bad token is refused on every path; none at all is for the route to judge. Each bad one counts
 * against the address it came from.
 */
export function authenticate({
  tokens,
  strangers,
}: {
  tokens: Tokens;
  strangers: TokenBuckets;
}): Middleware<RequestState> {
  return async function authenticate(context, next) {
    const token = bearerToken(context.get('authorization'));
    if (token !== undefined && !token.startsWith(tokenPrefix)) {
      context.state.foreignToken = token;
    } else if (token !== undefined) {
      const identified = await tokens.identify(token);
      if (identified === undefined) {
        takeOrRefuse(strangers, context.ip);
        throw badToken();
      }

      context.state.identity = identified.caller;
      context.state.tokenId = identified.tokenId;
    }

    await next();
  };
}

/** Undefined without a header. Throws RequestError `Unauthorized` for another scheme than Bearer. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization === '') {
    return undefined;
  }

  const token = /^Bearer +([A-Za-z0-9._~+/=-]{1,4096})$/i.exec(authorization)?.[1];
  if (token === undefined) {
    throw new RequestError('Unauthorized', 'The Authorization header is not of the form "Bearer <token>"');
  }

  return token;
}

export function badToken(): RequestError {
  return new RequestError('Unauthorized', 'The token is not known here, has expired, or was deleted', {
    hint: 'Ask an admin for another one; the server writes a fresh admin token when its file admin-token is missing at start.',
  });
}
