import type {Readable} from 'node:stream';
import type {Dispatcher} from 'undici';
import {Pool} from 'undici';
import {WebSocket} from 'ws';
import {z} from 'zod';
import {DriverError, isDriverError} from '../driver.ts';
import {codeOfSystemError} from '../system-error-code.ts';
import {codeOfFailure} from './error.ts';

/** Milliseconds for an answer to begin; waits for operations and transfers have no limit but their signal. */
const answerTimeout = 60_000;

export type CallOptions = {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly content?: Uint8Array | Readable;
  readonly signal?: AbortSignal | undefined;
  /** For calls that last as long as what they wait for. */
  readonly unlimited?: boolean;
};

export type Answer = {
  readonly metadata: unknown;
  /** Id of the operation that goes on in the background. */
  readonly operation: string | undefined;
  readonly etag: string | undefined;
};

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** LXD's REST API over its unix socket. Everything thrown is a DriverError. */
export type Client = AsyncDisposable & {
  call(method: Method, path: string, options?: CallOptions): Promise<Answer>;
  /** The metadata of a GET, checked. */
  get<T>(path: string, schema: z.ZodType<T>, options?: CallOptions): Promise<T>;
  /** As `get`; `undefined` where there is nothing. */
  find<T>(path: string, schema: z.ZodType<T>, options?: CallOptions): Promise<T | undefined>;
  /** A GET whose answer is not in the envelope. The caller reads or destroys the body. */
  download(path: string, options?: CallOptions): Promise<Dispatcher.ResponseData>;
  /** Open and paused, so that nothing comes before there is a listener: `resume()` it then. */
  websocket(
    path: string,
    signal?: AbortSignal,
    options?: {
      /** True by default. An answer to a peer that has closed already fails, and what is still to be read is lost with it. */
      readonly answersPings?: boolean;
    },
  ): Promise<WebSocket>;
};

const envelope = z.object({
  type: z.string(),
  error_code: z.number().optional(),
  metadata: z.unknown().optional(),
  operation: z.string().optional(),
  error: z.string().optional(),
});

export function createClient({socket}: {readonly socket: string}): Client {
  const pool = new Pool('http://backend', {socketPath: socket, pipelining: 1});

  async function send(method: Method, path: string, options: CallOptions = {}) {
    const timeout = options.unlimited === true ? 0 : answerTimeout;
    const headers = {...options.headers};
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    if (options.content !== undefined) headers['content-type'] = 'application/octet-stream';

    return await pool.request({
      method,
      path,
      headers,
      body: options.content ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      headersTimeout: timeout,
      bodyTimeout: timeout,
      ...(options.query === undefined ? {} : {query: options.query}),
      ...(options.signal === undefined ? {} : {signal: options.signal}),
    });
  }

  async function guarded<T>(
    what: string,
    signal: AbortSignal | undefined,
    action: () => Promise<T>,
  ): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw faultOf(error, {what, socket, signal});
    }
  }

  async function call(method: Method, path: string, options: CallOptions = {}): Promise<Answer> {
    return await guarded(`${method} ${path}`, options.signal, async () => {
      const response = await send(method, path, options);
      const answer = envelope.parse(await response.body.json());
      // A wait that has begun to answer can't take its status 200 back.
      if (response.statusCode >= 400 || answer.type === 'error') {
        const status = answer.error_code ?? response.statusCode;
        throw refusal(`${method} ${path}`, status, answer.error ?? 'no reason given');
      }

      const etag = response.headers.etag;
      return {
        metadata: answer.metadata,
        operation: operationId(answer.operation),
        etag: typeof etag === 'string' ? etag : undefined,
      };
    });
  }

  return {
    call,

    async get(path, schema, options) {
      const {metadata} = await call('GET', path, options);
      return await guarded(`GET ${path}`, undefined, async () => schema.parse(metadata));
    },

    async find(path, schema, options) {
      try {
        return await this.get(path, schema, options);
      } catch (error) {
        if (isDriverError(error, 'NotFound') || isDriverError(error, 'ImageNotFound')) return undefined;
        throw error;
      }
    },

    async download(path, options = {}) {
      return await guarded(`GET ${path}`, options.signal, async () => {
        const response = await send('GET', path, {...options, unlimited: true});
        if (response.statusCode >= 400) {
          const answer = envelope.parse(await response.body.json());
          throw refusal(`GET ${path}`, response.statusCode, answer.error ?? 'no reason given');
        }

        return response;
      });
    },

    async websocket(path, signal, {answersPings = true} = {}) {
      return await guarded(`websocket ${path}`, signal, async () => {
        signal?.throwIfAborted();
        const websocket = new WebSocket(`ws+unix:${socket}:${path}`, {
          perMessageDeflate: false,
          autoPong: answersPings,
        });
        const {promise, resolve, reject} = Promise.withResolvers<void>();
        const abort = () => {
          reject(signal?.reason);
          websocket.terminate();
        };
        signal?.addEventListener('abort', abort, {once: true});
        websocket.once('open', () => {
          websocket.pause();
          resolve();
        });
        // Stays, since an error without a listener would end the process; a close always follows and is what users listen to.
        websocket.on('error', reject);
        try {
          await promise;
        } finally {
          signal?.removeEventListener('abort', abort);
        }

        return websocket;
      });
    },

    async [Symbol.asyncDispose]() {
      await pool.destroy();
    },
  };
}

function refusal(what: string, status: number, message: string): DriverError {
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
    ? new DriverError(code, `LXD or Incus does not answer on ${socket}: ${message}`, {cause: error})
    : new DriverError(code ?? 'Internal', `${what}: ${message}`, {cause: error});
}

function operationId(path: string | undefined): string | undefined {
  return path === undefined || path === ''
    ? undefined
    : path.replace(/^.*\/operations\//, '').replace(/\?.*$/, '');
}
