import {AgentError, isAgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentStream} from '../../api/agent/v1alpha1/agent-stream.ts';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import type {Features} from '../../api/agent/v1alpha1/features.ts';
import {features, knownFeatures, noFeatures} from '../../api/agent/v1alpha1/features.ts';
import {missingFeature, parseParams} from '../../api/agent/v1alpha1/message-schema.ts';
import type {Method, Params, Result} from '../../api/agent/v1alpha1/messages.ts';
import {createStreamMultiplexer} from '../../api/agent/v1alpha1/stream-multiplexer.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {StreamMethod} from './agents.ts';
import {createInFlightLimit} from './in-flight-limit.ts';

/** Requests and streams on one connection, none without an end. */
export type Session = Disposable & {
  /** To be the first of all: tells the agent what this controller knows, and learns what it knows. One of the first release knows nothing of what was added. */
  negotiate(signal: AbortSignal): Promise<void>;
  features(): Features;
  /** Throws AgentError: `Disconnected` when no answer comes in time, `Unsupported` when the agent is too old. Rejects with the signal's reason when that is aborted. */
  request<M extends Method>(method: M, params: Params<M>, signal?: AbortSignal): Promise<Result<M>>;
  open<M extends StreamMethod>(
    method: M,
    params: Omit<Params<M>, 'stream'>,
    signal?: AbortSignal,
  ): Promise<AgentStream>;
};

/** Requests that wait for an answer on one connection; more wait their turn here, where they can still be given up. */
const requestsInFlight = 64;

/** Milliseconds. Agents answer quickly and go on by themselves, so that this long means that something is wrong. */
const requestTimeout = 30_000;

export type SessionOptions = {
  readonly clock: Clock;
  /** For messages. */
  readonly node: string;
  /** Called just before a request is sent; what it throws is thrown in its place. */
  readonly check?: () => void;
};

export function createSession(connection: AgentConnection, {clock, node, check}: SessionOptions): Session {
  let known = noFeatures;
  const limit = createInFlightLimit(requestsInFlight);
  const streams = createStreamMultiplexer(connection);

  const request: Session['request'] = async (method, params, signal) => {
    const missing = missingFeature(method, params, known);
    if (missing !== undefined) {
      throw new AgentError(
        'Unsupported',
        `the agent on node ${node} is too old for ${method}: it does not know "${missing}". It is upgraded by itself, or now with: nexus node upgrade ${node}`,
      );
    }
    const timeout = new AbortController();
    using _timer = clock.schedule(requestTimeout, () => {
      timeout.abort(
        new AgentError('Disconnected', `the agent did not answer ${method} in ${requestTimeout} ms`),
      );
    });
    const either = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]);
    return await limit(async () => {
      check?.();
      return await connection.request(method, params, either);
    }, either);
  };

  return {
    async negotiate(signal) {
      try {
        const answer = await request('features/negotiate', {features: [...features]}, signal);
        known = knownFeatures(answer.features);
      } catch (error) {
        if (!isAgentError(error, 'Unsupported')) {
          throw error;
        }
      }
    },
    features: () => known,
    request,
    open: (method, params, signal) =>
      streams.open(stream => request(method, parseParams(method, {...params, stream}), signal), signal),
    [Symbol.dispose]: () => streams[Symbol.dispose](),
  };
}
