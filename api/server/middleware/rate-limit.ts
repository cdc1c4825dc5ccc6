import type {Middleware} from 'koa';
import {RequestError} from '../request-error.ts';
import type {RequestState} from '../request-state.ts';
import type {TokenBuckets} from '../token-buckets.ts';

/**
 * So many requests a second for each token, and far fewer for each address without one, which is also what bounds guessing.
 * Comes after authentication.
 */
export function rateLimit({
  callers,
  strangers,
}: {
  callers: TokenBuckets;
  strangers: TokenBuckets;
}): Middleware<RequestState> {
  return async function rateLimit(context, next) {
    const {tokenId} = context.state;
    if (tokenId === undefined) {
      takeOrRefuse(strangers, context.ip);
    } else {
      takeOrRefuse(callers, tokenId);
    }

    await next();
  };
}

/** Throws RequestError `TooManyRequests` when `key` has had its share. */
export function takeOrRefuse(buckets: TokenBuckets, key: string): void {
  const wait = buckets.take(key);
  if (wait > 0) {
    const retryAfter = Math.ceil(wait / 1000);
    throw new RequestError('TooManyRequests', 'Too many requests in too short a time', {
      hint: `Try again in ${retryAfter} s. Callers with a token may ask more often than those without.`,
      retryAfter,
    });
  }
}
