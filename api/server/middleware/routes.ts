import Router from '@koa/router';
import type {Context} from 'koa';
import type {Clock} from '../../effects/clock.ts';
import {isLocal} from '../peer.ts';
import {RequestError} from '../request-error.ts';
import type {RequestState} from '../request-state.ts';
import type {Incoming, Reply, Route} from '../route.ts';

/** The route table, mounted. A route that streams has no deadline; each has a signal that ends with its client. */
export function routes(
  table: readonly Route[],
  {clock, deadline, closing}: {clock: Clock; deadline: number; closing: AbortSignal},
): Router<RequestState> {
  const router = new Router<RequestState>();
  for (const route of table) {
    const path = route.path.replaceAll(/\{([a-z0-9]+)\}/gi, ':$1');
    router.register(path, [route.method], async context => {
      context.state.route = route.path;
      context.state.streaming = route.streaming === true;
      const cancel = new AbortController();
      context.res.once('close', () => {
        if (!context.res.writableFinished) {
          cancel.abort(clientGone());
        }
      });
      using _ =
        route.streaming === true
          ? undefined
          : clock.schedule(deadline, () => cancel.abort(timedOut(deadline)));
      const signal = route.streaming === true ? AbortSignal.any([cancel.signal, closing]) : cancel.signal;
      const serving = route.serve(incomingOf(context, signal));
      write(context, await Promise.race([serving, abortion(signal)]));
    });
  }

  return router;
}

/** For `allowedMethods`: the path is there, the method is not. */
export function refuseMethod(): never {
  throw new RequestError('MethodNotAllowed', 'This path does not take that method', {
    hint: 'GET /openapi.json tells which it takes.',
  });
}

function incomingOf(
  context: Context & {params: Record<string, string>; state: RequestState},
  signal: AbortSignal,
): Incoming {
  const {state, req} = context;
  return {
    params: context.params,
    search: context.URL.searchParams,
    identity: state.identity,
    foreignToken: state.foreignToken,
    requestId: state.requestId,
    local: isLocal(req),
    signal,
    header(name) {
      const value = context.get(name);
      return value === '' ? undefined : value;
    },
    raw: req,
  };
}

function write(context: Context, reply: Reply): void {
  context.status = reply.status;
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    context.set(name, value);
  }

  if (reply.stream !== undefined) {
    context.type = reply.contentType ?? 'application/octet-stream';
    context.body = reply.stream;
    // Whoever waits for the first line shall know at once that there is something to wait for.
    context.flushHeaders();
    return;
  }

  if (reply.json !== undefined || typeof reply.body === 'object') {
    context.type = reply.contentType ?? 'application/json; charset=utf-8';
    context.body = reply.json ?? JSON.stringify(reply.body);
  } else if (reply.body === undefined) {
    context.body = null;
    context.status = reply.status;
  } else {
    context.type = reply.contentType ?? 'text/plain; charset=utf-8';
    context.body = reply.body;
  }
}

function abortion(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), {once: true});
  });
}

/** Nobody reads this; it is for the log, where it is no fault of ours. */
function clientGone(): RequestError {
  return new RequestError('BadRequest', 'The client went away before it was answered');
}

function timedOut(deadline: number): RequestError {
  return new RequestError('Timeout', `This took longer than ${deadline / 1000} s`, {
    hint: 'Whether a change was made is not known: look, then try again. GET /health tells how the server is.',
  });
}
