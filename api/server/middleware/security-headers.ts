import type {Middleware} from 'koa';

/** Nothing here is a page, to be framed, sniffed or kept. */
export function securityHeaders(): Middleware {
  return async function securityHeaders(context, next) {
    context.set({
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    });
    if (context.secure) {
      context.set('Strict-Transport-Security', 'max-age=31536000');
    }

    await next();
  };
}
