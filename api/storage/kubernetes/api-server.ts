import {request as send} from 'undici';
import type {Clock} from '../../effects/clock.ts';
import {ApiServerError, failureOf} from './api-failure.ts';
import type {ClusterConfig} from './cluster-config.ts';
import type {Credentials} from './credentials.ts';

export type ApiRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Begins with a slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
};

/** Plain JSON over connections that are kept. */
export type ApiServer = {
  /** Throws StorageError for what is refused, ApiServerError for everything else that goes wrong. */
  request(request: ApiRequest): Promise<unknown>;
  /** The lines of the answer as they come; ends when the server ends it, throws when the connection is lost. */
  stream(request: ApiRequest): AsyncIterable<string>;
};

/** Milliseconds within which an answer must have come, whole. */
const answerWithin = 30_000;

/** As often is a request sent again after 429: the server has not looked at it. */
const maximumDeferrals = 5;

export function createApiServer(
  {server}: Pick<ClusterConfig, 'server'>,
  credentials: Credentials,
  clock: Clock,
): ApiServer {
  const sendOnce = async ({
    method,
    path,
    query = {},
    body,
    contentType = 'application/json',
    signal,
  }: ApiRequest) => {
    const {headers, dispatcher} = await credentials.current();
    const text = new URLSearchParams(
      Object.entries(query).flatMap(([name, value]): [string, string][] =>
        value === undefined ? [] : [[name, value]],
      ),
    ).toString();
    return send(`${server}${path}${text === '' ? '' : `?${text}`}`, {
      method,
      dispatcher,
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': 'nexus',
        ...(body === undefined ? {} : {'content-type': contentType}),
      },
      ...(body === undefined ? {} : {body: JSON.stringify(body)}),
      ...(signal === undefined ? {} : {signal}),
    });
  };

  /** Again with fresh credentials after 401, after a while after 429, and once more when a kept connection turned out to be dead. */
  const sendPatiently = async (request: ApiRequest) => {
    const what = describe(request);
    let refused = false;
    let lost = false;
    for (let deferrals = 0; ; ) {
      let response: Awaited<ReturnType<typeof sendOnce>>;
      try {
        response = await sendOnce(request);
      } catch (cause) {
        request.signal?.throwIfAborted();
        if (request.method === 'GET' && !lost) {
          lost = true;
          continue;
        }

        throw new ApiServerError(
          `The API server ${server} can't be reached (${what}): ${messageOf(cause)}`,
          0,
          {cause},
        );
      }

      const {statusCode, headers, body} = response;
      if (statusCode < 300) {
        return response;
      }

      const answer = await body.text().catch(() => '');
      if (statusCode === 401 && !refused) {
        refused = true;
        credentials.refuse();
        continue;
      }

      if (statusCode === 429 && deferrals < maximumDeferrals) {
        deferrals += 1;
        const seconds = Number(headers['retry-after'] ?? 1);
        await clock.sleep(Math.min(10, Number.isFinite(seconds) ? seconds : 1) * 1000, request.signal);
        continue;
      }

      throw failureOf(statusCode, parse(answer), what);
    }
  };

  return {
    async request(request) {
      const abort = new AbortController();
      using _deadline = clock.schedule(answerWithin, () =>
        abort.abort(new Error(`no answer within ${answerWithin / 1000} s`)),
      );
      const signal =
        request.signal === undefined ? abort.signal : AbortSignal.any([request.signal, abort.signal]);
      const {body} = await sendPatiently({...request, signal});
      try {
        return await body.json();
      } catch (cause) {
        throw new ApiServerError(`The answer of the API server broke off (${describe(request)})`, 0, {cause});
      }
    },
    async *stream(request) {
      const {body} = await sendPatiently(request);
      body.setEncoding('utf8');
      let rest = '';
      try {
        for await (const chunk of body) {
          const lines = `${rest}${String(chunk)}`.split('\n');
          rest = lines.pop() ?? '';
          yield* lines;
        }
      } catch (cause) {
        throw new ApiServerError(`The connection to the API server was lost (${describe(request)})`, 0, {
          cause,
        });
      } finally {
        body.destroy();
      }
    },
  };
}

function describe({method, path}: ApiRequest): string {
  return `${method} ${path}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
