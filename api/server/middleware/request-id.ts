import type {Middleware} from 'koa';
import type {Random} from '../../effects/random.ts';
import type {RequestState} from '../request-state.ts';

/** Takes the caller's `X-Request-Id` if it is harmless in logs, else makes one; answers it. */
export function requestId(random: Random): Middleware<RequestState> {
  return async function requestId(context, next) {
    const given = context.get('x-request-id');
    context.state.requestId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(given) ? given : random.uuid();
    context.set('X-Request-Id', context.state.requestId);
    await next();
  };
}
