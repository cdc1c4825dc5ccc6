import type {Middleware} from 'koa';
import type {Logger} from '../../effects/logger.ts';
import type {HttpMetrics} from '../http-metrics.ts';
import type {RequestState} from '../request-state.ts';

/**
 * One line and one observation for each request, once its answer has been sent or cut off. Paths only: queries and headers may hold secrets.
 */
export function accessLog({log, metrics}: {log: Logger; metrics: HttpMetrics}): Middleware<RequestState> {
  return async function accessLog(context, next) {
    const start = performance.now();
    const done = metrics.begin();
    // Read now: once the connection is closed there is nobody to ask.
    const {ip} = context;
    context.res.once('close', () => {
      const seconds = (performance.now() - start) / 1000;
      const {state, method, status} = context;
      const labels = {method, route: state.route ?? 'none', status};
      // How long a stream lasts is its client's choice.
      done(labels, state.streaming === true ? undefined : seconds);
      const fields = {
        ...labels,
        requestId: state.requestId,
        path: context.path.slice(0, 300),
        milliseconds: Math.round(seconds * 10_000) / 10,
        bytes: context.response.length,
        user: state.identity?.name,
        ip,
        ...(context.res.writableFinished ? {} : {cutOff: true}),
        ...(state.problem === undefined ? {} : {code: state.problem.code}),
      };
      log[status >= 500 ? 'warn' : 'info'](fields, 'request');
    });
    await next();
  };
}
