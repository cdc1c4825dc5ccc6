import type {Middleware} from 'koa';

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const requestHeaders = 'Authorization, Content-Type, Idempotency-Key, X-Request-Id';
const responseHeaders = 'Location, Retry-After, X-Request-Id';

/** Lets pages of the named origins call; none by default. No cookies are used, so that credentials need not be allowed. */
export function cors(origins: readonly string[]): Middleware {
  return async function cors(context, next) {
    const origin = context.get('origin');
    context.vary('Origin');
    const allowed = origin !== '' && origins.includes(origin);
    if (allowed) {
      context.set('Access-Control-Allow-Origin', origin);
      context.set('Access-Control-Expose-Headers', responseHeaders);
    }

    if (context.method !== 'OPTIONS' || context.get('access-control-request-method') === '') {
      await next();
      return;
    }

    context.status = 204;
    if (allowed) {
      context.set({
        'Access-Control-Allow-Methods': methods,
        'Access-Control-Allow-Headers': requestHeaders,
        'Access-Control-Max-Age': '600',
      });
    }
  };
}
