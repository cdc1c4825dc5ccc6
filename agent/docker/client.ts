import {request as httpRequest} from 'node:http';
import type {Duplex, Readable} from 'node:stream';
import type {Dispatcher} from 'undici';
import {Pool} from 'undici';
import {z} from 'zod';
import {DriverError} from '../driver.ts';
import {codeOfSystemError} from '../system-error-code.ts';
import {codeOfFailure} from './error.ts';

/** Milliseconds for an answer to begin; transfers and what lasts as long as it waits have no limit but their signal. */
const answerTimeout = 60_000;

/** The oldest version of the Engine API that has all that is used; Docker 19.03 has it, and all later ones. */
const version = '/v1.40';

export type CallOptions = {
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** A tar, sent as it is. */
  readonly content?: Uint8Array | Readable;
  readonly signal?: AbortSignal | undefined;
  readonly unlimited?: boolean;
};

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';

/**
 * Docker's Engine API over its unix socket. Everything thrown is a DriverError. Not dockerode, which was tried: it makes a connection for each call,
 * reads streams of commands ahead without bound, and brings 85 packages.
 */
export type Client = AsyncDisposable & {
  /** For what is answered with nothing of interest. */
  call(method: Method, path: string, options?: CallOptions): Promise<void>;
  /** The checked answer. */
  ask<T>(method: Method, path: string, schema: z.ZodType<T>, options?: CallOptions): Promise<T>;
  /** As a GET by `ask`; `undefined` where there is nothing. */
  find<T>(path: string, schema: z.ZodType<T>, options?: CallOptions): Promise<T | undefined>;
  /** The caller reads or destroys the body. */
  download(method: 'GET' | 'POST', path: string, options?: CallOptions): Promise<Dispatcher.ResponseData>;
  /** A POST after which the connection carries a command's streams. Paused. */
  hijack(path: string, body: unknown, signal?: AbortSignal): Promise<Duplex>;
};

const refusal = z.object({message: z.string()});

export function createClient({socket}: {readonly socket: string}): Client {
  const pool = new Pool('http://docker', {socketPath: socket, pipelining: 1});

  const guarded = async <T>(
    what: string,
    signal: AbortSignal | undefined,
    action: () => Promise<T>,
  ): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      throw faultOf(error, {what, socket, signal});
    }
  };

  const send = async (
    method: Method,
    path: string,
    {query, body, content, signal, unlimited = false}: CallOptions,
  ): Promise<Dispatcher.ResponseData> => {
    const timeout = unlimited ? 0 : answerTimeout;
    const response = await pool.request({
      method,
      path: version + path,
      headers:
        content !== undefined
          ? {'content-type': 'application/x-tar'}
          : body !== undefined
            ? {'content-type': 'application/json'}
            : {},
      body: content ?? (body === undefined ? null : JSON.stringify(body)),
      headersTimeout: timeout,
      bodyTimeout: timeout,
      ...(query === undefined ? {} : {query}),
      ...(signal === undefined ? {} : {signal}),
    });
    // 304: it is so already.
    if (response.statusCode < 400) return response;

    throw refused(`${method} ${path}`, response.statusCode, await response.body.text());
  };

  const client: Client = {
    async call(method, path, options = {}) {
      await guarded(`${method} ${path}`, options.signal, async () => {
        const {body} = await send(method, path, options);
        await body.dump();
      });
    },

    async ask(method, path, schema, options = {}) {
      return await guarded(`${method} ${path}`, options.signal, async () => {
        const {body} = await send(method, path, options);
        return schema.parse(await body.json());
      });
    },

    async find(path, schema, options) {
      try {
        return await client.ask('GET', path, schema, options);
      } catch (error) {
        if (error instanceof DriverError && /^(?:NotFound|ImageNotFound)$/.test(error.code)) return undefined;
        throw error;
      }
    },

    async download(method, path, options = {}) {
      return await guarded(`${method} ${path}`, options.signal, async () =>
        send(method, path, {...options, unlimited: true}),
      );
    },

    async hijack(path, body, signal) {
      return await guarded(`POST ${path}`, signal, async () => {
        signal?.throwIfAborted();
        const {promise, resolve, reject} = Promise.withResolvers<Duplex>();
        const request = httpRequest({
          socketPath: socket,
          method: 'POST',
          path: version + path,
          headers: {'content-type': 'application/json', connection: 'Upgrade', upgrade: 'tcp'},
        });
        const abort = () => request.destroy(new Error('given up'));
        signal?.addEventListener('abort', abort, {once: true});
        request.on('upgrade', (_response, stream: Duplex, head: Buffer) => {
          stream.on('error', () => {});
          if (head.length > 0) stream.unshift(head);
          resolve(stream);
        });
        request.on('response', response => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            reject(refused(`POST ${path}`, response.statusCode ?? 500, Buffer.concat(chunks).toString())),
          );
        });
        request.on('error', reject);
        request.end(JSON.stringify(body));
        try {
          return await promise;
        } finally {
          signal?.removeEventListener('abort', abort);
        }
      });
    },

    async [Symbol.asyncDispose]() {
      await pool.destroy();
    },
  };
  return client;
}

function refused(what: string, status: number, text: string): DriverError {
  const parsed = refusal.safeParse(parseJson(text));
  const message = parsed.success ? parsed.data.message : text.trim() || `status ${status}`;
  return new DriverError(codeOfFailure({status, message}), `${what}: ${message}`);
}

function faultOf(
  error: unknown,
  {what, socket, signal}: {what: string; socket: string; signal: AbortSignal | undefined},
): DriverError {
  if (error instanceof DriverError) return error;
  if (signal?.aborted) return new DriverError('TimedOut', `${what}: given up`, {cause: signal.reason});

  const message = error instanceof Error ? error.message : String(error);
  const code = codeOfSystemError(error);
  return code === 'BackendUnavailable'
    ? new DriverError(code, `Docker does not answer on ${socket}: ${message}`, {cause: error})
    : new DriverError(code ?? 'Internal', `${what}: ${message}`, {cause: error});
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
