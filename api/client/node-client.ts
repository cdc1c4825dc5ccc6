import {createInterface} from 'node:readline';
import type {SetupEvent, SetupNodeRequest} from '../node-setup/messages.ts';
import {ApiError} from './api-error.ts';
import type {Transport} from './transport.ts';
import {trust} from './transport.ts';

type Options = {readonly signal?: AbortSignal};

/** What takes a while on nodes, as it comes along; the last event is `ended`. Everything throws ApiError. */
export type NodeClient = {
  /** Forgets the node; refused while workspaces are on it, unless forced. What is on its machine stays there. */
  remove(name: string, options?: Options & {force?: boolean}): Promise<void>;
  /** Makes a node of a machine, or repairs it. */
  setUp(name: string, request: SetupNodeRequest, options?: Options): AsyncIterable<SetupEvent>;
  test(name: string, options?: Options): AsyncIterable<SetupEvent>;
  /** Removes the node, and everything of Nexus from its machine; `force` also what is kept there of deleted workspaces. */
  purge(name: string, options?: Options & {force?: boolean}): AsyncIterable<SetupEvent>;
};

export function createNodeClient(transport: Transport): NodeClient {
  const of = (name: string, verb: string) => `/api/v1/nodes/${encodeURIComponent(name)}/${verb}`;
  async function* follow(path: string, json: unknown, {signal}: Options = {}): AsyncGenerator<SetupEvent> {
    const {body} = await transport.open({
      method: 'POST',
      path,
      ...(json === undefined ? {} : {json}),
      timeout: 0,
      signal,
    });
    let ended = false;
    try {
      for await (const line of createInterface({input: body, crlfDelay: Number.POSITIVE_INFINITY})) {
        const event = trust<SetupEvent>(JSON.parse(line));
        if (event.type === 'error') {
          const {code, message, hint} = event;
          throw new ApiError(code, message, {status: statusOf(code), hint});
        }

        yield event;
        ended = event.type === 'ended';
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof ApiError ? error : cutOff(transport, error);
    } finally {
      body.on('error', () => {});
      body.destroy();
    }

    if (!ended) {
      signal?.throwIfAborted();
      throw cutOff(transport, undefined);
    }
  }

  return {
    async remove(name, {force = false, signal} = {}) {
      const path = `/api/v1/nodes/${encodeURIComponent(name)}`;
      const {body} = await transport.open({method: 'DELETE', path, query: {force}, signal});
      await body.dump();
    },
    setUp: (name, request, options) => follow(of(name, 'setup'), request, options),
    test: (name, options) => follow(of(name, 'test'), undefined, options),
    purge: (name, {force = false, signal} = {}) =>
      follow(of(name, 'purge'), {force}, signal === undefined ? {} : {signal}),
  };
}

function cutOff({options: {url}}: Transport, cause: unknown): ApiError {
  return new ApiError('Unreachable', `The connection to the server at ${url} was lost before it was done`, {
    hint: 'Run the same command again: what was done is kept.',
    cause,
  });
}

/** As the same refusal would have been answered before the stream began. */
function statusOf(code: string): number {
  return {Conflict: 409, AlreadyExists: 409, NotFound: 404, Invalid: 400, Forbidden: 403}[code] ?? 500;
}
