import {isDeepStrictEqual} from 'node:util';
import {AgentError, isAgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentStream} from '../../api/agent/v1alpha1/agent-stream.ts';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {NodeFacts, Params} from '../../api/agent/v1alpha1/messages.ts';
import {protocolVersion} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeView, StreamMethod} from './agents.ts';
import type {Connect} from './connect.ts';
import type {Session} from './session.ts';
import {createSession} from './session.ts';

/**
 * Connections to agents that only look and stream, one a node, made when first needed and given up when long unused. They need no leadership,
 * and what is carried on them does not hold up what the controller has to say.
 */
export type Readers = AsyncDisposable & {
  /** Throws AgentError; rejects with the signal's reason when that is aborted. */
  open<M extends Exclude<StreamMethod, 'bundle/put'>>(
    node: Stored<'Node'>,
    request: {readonly method: M; readonly params: Omit<Params<M>, 'stream'>},
    signal: AbortSignal,
  ): Promise<AgentStream>;
  /** Throws as {@link open}; AgentError `Unsupported` when the node's agent lets nobody but the leader do that. */
  restartService(node: Stored<'Node'>, params: Params<'service/restart'>, signal: AbortSignal): Promise<void>;
  /** How the node is, asked now. One that can't be reached is not connected. Rejects with the signal's reason when that is aborted. */
  view(node: Stored<'Node'>, signal: AbortSignal): Promise<NodeView>;
};

export type ReadersOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly connect: Connect;
  readonly installation: string;
};

/** What readers say in place of an epoch: they claim nothing. */
const noEpoch = 0;

/** Milliseconds until a connection must be up. */
const connectTimeout = 15_000;

/** Milliseconds without a stream after which a connection is given up. */
const idleTimeout = 60_000;

type Attended = {readonly session: Session; facts(): NodeFacts; heardAt(): number};

type Reader = {
  readonly node: Stored<'Node'>;
  readonly attended: Promise<Attended>;
  /** Ends it; resolves once nothing of it is left. */
  close(): Promise<void>;
  /** Keeps it from counting as unused until disposed of. */
  use(): Disposable;
};

export function createReaders(options: ReadersOptions): Readers {
  const {clock} = options;
  const readers = new Map<string, Reader>();
  const all = new Set<Reader>();

  const add = (node: Stored<'Node'>): Reader => {
    const {name} = node.metadata;
    const closing = new AbortController();
    const opened = Promise.withResolvers<Attended>();
    opened.promise.catch(() => undefined);
    let users = 0;
    let idle: Disposable | undefined;
    const live = async () => {
      try {
        await attend(node, {...options, opened: opened.resolve, signal: closing.signal});
      } catch (error) {
        opened.reject(asAgentError(name, error));
      } finally {
        idle?.[Symbol.dispose]();
        all.delete(reader);
        if (readers.get(name) === reader) {
          readers.delete(name);
        }
      }
    };
    const rest = () => {
      idle = clock.schedule(idleTimeout, () => closing.abort());
    };
    const reader: Reader = {
      node,
      attended: opened.promise,
      async close() {
        closing.abort(new AgentError('Disconnected', `the connection to node ${name} was closed`));
        await living;
      },
      use() {
        users += 1;
        idle?.[Symbol.dispose]();
        return {
          [Symbol.dispose]() {
            users -= 1;
            if (users === 0 && all.has(reader)) {
              rest();
            }
          },
        };
      },
    };
    readers.set(name, reader);
    all.add(reader);
    const living = live();
    return reader;
  };

  const readerOf = (node: Stored<'Node'>): Reader => {
    const present = readers.get(node.metadata.name);
    const isFit = present !== undefined && isDeepStrictEqual(present.node.spec, node.spec);
    // One to the node as it was goes on for what it carries.
    return isFit ? present : add(node);
  };

  return {
    async open(node, {method, params}, signal) {
      signal.throwIfAborted();
      const reader = readerOf(node);
      using stack = new DisposableStack();
      stack.use(reader.use());
      const {session} = await unlessAborted(reader.attended, signal);
      const stream = await session.open(method, params, signal);
      const use = stack.move();
      stream.finished.catch(() => undefined).finally(() => use.dispose());
      return stream;
    },
    async restartService(node, params, signal) {
      signal.throwIfAborted();
      const reader = readerOf(node);
      using _use = reader.use();
      const {session} = await unlessAborted(reader.attended, signal);
      if (!session.features().has('readersRestart')) {
        throw new AgentError(
          'Unsupported',
          `the agent on node ${node.metadata.name} is too old to restart services for a server that does not lead. It is upgraded by itself, or now with: nexus node upgrade ${node.metadata.name}`,
        );
      }
      await session.request('service/restart', params, signal);
    },
    async view(node, signal) {
      signal.throwIfAborted();
      const reader = readerOf(node);
      using _use = reader.use();
      try {
        const {session, facts, heardAt} = await unlessAborted(reader.attended, signal);
        const instances = await listed(session, signal);
        return {
          connected: true,
          heardAt: heardAt(),
          facts: facts(),
          providers: new Map(),
          features: session.features(),
          synced: instances !== undefined,
          instances: new Map(instances?.map(instance => [instance.uid, instance])),
        };
      } catch (error) {
        signal.throwIfAborted();
        const lastError = error instanceof Error ? error.message : String(error);
        return {connected: false, lastError, providers: new Map(), synced: false, instances: new Map()};
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...all].map(reader => reader.close()));
    },
  };
}

type Attendance = ReadersOptions & {
  readonly opened: (attended: Attended) => void;
  readonly signal: AbortSignal;
};

/** Until the connection is lost or `signal` is aborted. Throws why there is none. */
async function attend(
  node: Stored<'Node'>,
  {connect, clock, log, installation, opened, signal}: Attendance,
): Promise<void> {
  const {name} = node.metadata;
  const late = new AbortController();
  using timer = clock.schedule(connectTimeout, () => {
    late.abort(new AgentError('Disconnected', `could not connect within ${connectTimeout / 1000} s`));
  });
  await using connection: AgentConnection = await connect(node, AbortSignal.any([signal, late.signal]));
  using session = createSession(connection, {clock, node: name});
  const starting = AbortSignal.any([signal, late.signal]);
  const [, hello] = await Promise.all([
    session.negotiate(starting),
    session.request(
      'initialize',
      {protocolVersion, role: 'reader', epoch: noEpoch, installation, node: name},
      starting,
    ),
  ]);
  timer[Symbol.dispose]();
  log.debug({node: name}, 'connected to node for streams');
  let facts = hello.node;
  let heardAt = clock.now();
  using _heartbeats = connection.on('heartbeat', next => {
    facts = next;
    heardAt = clock.now();
  });
  opened({session, facts: () => facts, heardAt: () => heardAt});
  await aborted(AbortSignal.any([signal, connection.closed]));
}

/** Undefined while the agent can't tell. */
async function listed(session: Session, signal: AbortSignal): Promise<readonly Instance[] | undefined> {
  try {
    return (await session.request('instance/list', {}, signal)).instances;
  } catch (error) {
    if (isAgentError(error, 'BackendUnavailable')) {
      return undefined;
    }

    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) {
      resolve();
    } else {
      signal.addEventListener('abort', () => resolve(), {once: true});
    }
  });
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const {promise: never, reject} = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  try {
    return await Promise.race([promise, never]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function asAgentError(node: string, error: unknown): AgentError {
  const reason = error instanceof Error ? error.message : String(error);
  return new AgentError('Disconnected', `node ${node} can't be reached: ${reason}`, {cause: error});
}
