import type {Middleware} from 'koa';
import type {Logger} from '../../effects/logger.ts';
import {errorBody, kubernetesCode, statusBody, toProblem} from '../error-response.ts';
import {warningHeader} from '../kubernetes/warning-header.ts';
import {RequestError} from '../request-error.ts';
import type {RequestState} from '../request-state.ts';

/** Where kubectl asks, also before it knows what there is. */
const kubernetesPath = /^\/(?:apis(?:\/|$)|api$|openapi\/v)/;

/** The one place where thrown errors become answers; faults are logged with their stack, and not shown. */
export function refusals(log: Logger): Middleware<RequestState> {
  return async function refusals(context, next) {
    try {
      await next();
      if (context.status === 404 && context.body === undefined && context.state.route === undefined) {
        throw new RequestError('NotFound', `There is nothing at ${context.path.slice(0, 300)}`, {
          hint: 'GET /openapi.json tells what there is.',
        });
      }
    } catch (error) {
      const problem = toProblem(error);
      const {requestId} = context.state;
      context.state.problem = problem;
      if (problem.fault) {
        log.error({err: error, requestId, path: context.path.slice(0, 300)}, 'request failed');
      }

      if (context.headerSent) {
        context.res.destroy();
        return;
      }

      if (problem.retryAfter !== undefined) {
        context.set('Retry-After', String(problem.retryAfter));
      }

      if (problem.status === 401) {
        context.set('WWW-Authenticate', 'Bearer realm="nexus"');
      }

      // What is left of the body is not read: the connection can't be used again.
      if (!context.req.complete) {
        context.set('Connection', 'close');
      }

      context.set(warningHeader(problem.warnings ?? []));
      const kubernetes = kubernetesPath.test(context.path);
      context.status = kubernetes ? kubernetesCode(problem) : problem.status;
      context.body = kubernetes ? statusBody(problem) : errorBody(problem, requestId);
    }
  };
}
