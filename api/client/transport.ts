import type {Readable} from 'node:stream';
import type {Dispatcher} from 'undici';
import {Agent, request} from 'undici';
import type {ApiErrorDetail} from './api-error.ts';
import {ApiError} from './api-error.ts';

export type TransportOptions = {
  /** Of the server, such as http://127.0.0.1:3001; a path in it is a prefix. */
  readonly url: string;
  readonly token?: string;
  /** PEM of the authority that signed the server's certificate, when the system does not know it. */
  readonly ca?: string;
  /** Replaces the client's own connections, in tests. The caller closes it. */
  readonly dispatcher?: Dispatcher;
  readonly userAgent?: string;
  /** Milliseconds until an answer must have begun; 30,000 by default. */
  readonly timeout?: number;
};

/** A list is given as the same parameter several times. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export type Request = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  readonly path: string;
  readonly query?: Query | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is; give the content type, and the length when known, in headers. */
  readonly body?: string | Readable;
  /** Instead of the transport's own: 0 means as long as it takes. */
  readonly timeout?: number;
  readonly signal?: AbortSignal | undefined;
  /** Answers that are no failures besides 2xx. */
  readonly acceptStatus?: readonly number[];
};

export type Response = {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Dispatcher.ResponseData['body'];
};

/** Requests to one server. All throw ApiError, or the signal's reason. */
export type Transport = AsyncDisposable & {
  readonly options: TransportOptions;
  /** The answer, if it is a success; its body must be read or destroyed. */
  open(request: Request): Promise<Response>;
  /** The answer's JSON, taken to be what the server documents. */
  json<T>(request: Request): Promise<T>;
  resolve(path: string, query?: Query): URL;
  authorization(): Record<string, string>;
};

export function createTransport(options: TransportOptions): Transport {
  const base = parseBase(options.url);
  const own =
    options.dispatcher === undefined
      ? new Agent(options.ca === undefined ? {} : {connect: {ca: options.ca}})
      : undefined;
  const dispatcher = options.dispatcher ?? own;

  const resolve = (path: string, query: Query = {}): URL => {
    const url = new URL(base);
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
    for (const [key, value] of Object.entries(query)) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each !== undefined) {
          url.searchParams.append(key, String(each));
        }
      }
    }

    return url;
  };

  const authorization = (): Record<string, string> =>
    options.token === undefined ? {} : {authorization: `Bearer ${options.token}`};

  const open = async (call: Request): Promise<Response> => {
    const timeout = call.timeout ?? options.timeout ?? 30_000;
    let response: Dispatcher.ResponseData;
    try {
      response = await request(resolve(call.path, call.query), {
        method: call.method,
        headers: {
          accept: 'application/json',
          'user-agent': options.userAgent ?? 'nexus',
          ...(call.json === undefined ? {} : {'content-type': 'application/json'}),
          ...authorization(),
          ...call.headers,
        },
        body: call.json === undefined ? (call.body ?? null) : JSON.stringify(call.json),
        headersTimeout: timeout,
        bodyTimeout: timeout,
        signal: call.signal ?? null,
        ...(dispatcher === undefined ? {} : {dispatcher}),
      });
    } catch (error) {
      call.signal?.throwIfAborted();
      throw unreachable(base, error);
    }

    const {statusCode: status, headers, body} = response;
    if (status >= 300 && call.acceptStatus?.includes(status) !== true) {
      throw toApiError(status, headers, await body.text().catch(() => ''));
    }

    return {status, headers, body};
  };

  return {
    options,
    open,
    resolve,
    authorization,
    async json<T>(call: Request) {
      const {status, headers, body} = await open(call);
      try {
        return trust<T>(await body.json());
      } catch (cause) {
        call.signal?.throwIfAborted();
        if (!(cause instanceof SyntaxError)) {
          throw unreachable(base, cause);
        }

        throw new ApiError('BadResponse', `${base.origin} answered with something that is not JSON`, {
          status,
          hint: 'Is this the address of a Nexus server? See `nexus doctor`.',
          requestId: single(headers['x-request-id']),
          cause,
        });
      }
    },
    async [Symbol.asyncDispose]() {
      await own?.destroy();
    },
  };
}

/** The boundary at which the server's answers are believed to have the documented type; fields that are new to us pass unhurt. */
export function trust<T>(value: unknown): T {
  return value as T;
}

/** What a refusal says, in the server's own shape or as a Kubernetes Status. */
export function toApiError(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
): ApiError {
  const requestId = single(headers['x-request-id']);
  const answer = parseJson<{
    error?: {code?: string; message?: string; hint?: string; details?: ApiErrorDetail[]; requestId?: string};
    reason?: string;
    message?: string;
    details?: {causes?: {field?: string; message?: string}[]};
  }>(text);
  if (answer?.error !== undefined) {
    const {code, message, hint, details} = answer.error;
    return new ApiError(code ?? 'Unknown', message ?? `The server answered ${status}`, {
      status,
      hint,
      details,
      requestId: answer.error.requestId ?? requestId,
    });
  }

  if (answer?.message !== undefined) {
    return new ApiError(answer.reason ?? 'Unknown', answer.message, {
      status,
      details: answer.details?.causes?.map(({field, message}) => ({
        path: field ?? '',
        message: message ?? '',
      })),
      requestId,
    });
  }

  return new ApiError('BadResponse', `The server answered ${status} without saying why`, {status, requestId});
}

function unreachable(base: URL, cause: unknown): ApiError {
  const reason = cause instanceof Error ? rootOf(cause).message || rootOf(cause).name : String(cause);
  return new ApiError('Unreachable', `The server at ${base.origin} can't be reached: ${reason}`, {
    hint: 'Is it running? Start it with `nexus server` (or hack/up), or name another with NEXUS_SERVER; `nexus doctor` looks closer.',
    cause,
  });
}

/** Of several failed attempts (IPv6, then IPv4) the last one speaks. */
function rootOf(error: Error): Error {
  const last: unknown = error instanceof AggregateError ? error.errors.at(-1) : undefined;
  return last instanceof Error ? last : error;
}

function parseBase(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base?.protocol !== 'http:' && base?.protocol !== 'https:') {
    throw new ApiError('InvalidAddress', `"${url}" is not the address of a server`, {
      hint: 'It looks like http://127.0.0.1:3001 or https://nexus.example.com.',
    });
  }

  return base;
}

function parseJson<T>(text: string): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? trust<T>(value) : undefined;
  } catch {
    return undefined;
  }
}

export function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
