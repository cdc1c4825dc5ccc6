import {isDeepStrictEqual} from 'node:util';
import {AgentError, isAgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import {instance as instanceSchema} from '../../api/agent/v1alpha1/instance.ts';
import type {Method, NodeFacts, Result} from '../../api/agent/v1alpha1/messages.ts';
import {heartbeatDeadline, protocolVersion, requests} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {backOffDelay} from '../workqueue/back-off.ts';
import type {NodeView} from './agents.ts';
import {createBackends} from './backends.ts';
import type {Connect} from './connect.ts';
import {createInstanceCache} from './instance-cache.ts';
import {createInstanceSync} from './instance-sync.ts';
import {isInformed, newsOf} from './node-news.ts';
import type {Session} from './session.ts';
import {createSession} from './session.ts';

/** The connection to one node, made again whenever it is lost, and what was learnt over it. */
export type NodeLink = Pick<Session, 'request' | 'open'> & {
  view(): NodeView;
  /** Replaces the connection by one to the node as it is declared now. */
  reconnect(node: Stored<'Node'>): void;
  /** Resolves once nothing of it is left. */
  close(): Promise<void>;
};

export type NodeLinkOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly connect: Connect;
  /** Of this controller; an agent that has seen a higher one answers `Fenced`. */
  readonly epoch: number;
  /** See {@link SessionOptions.check}. */
  readonly check?: () => void;
  readonly installation: string;
  /** After a change of the view; without uid when more than one instance, or the node itself, may have changed. */
  readonly onChange: (uid?: string) => void;
  /** A later controller rules this node: this one will not connect to it again. */
  readonly onFenced: () => void;
};

/** Between attempts to connect. The first comes soon, since an agent that is updated is back at once. */
const backOff = {base: 250, limit: 30_000};

/** Milliseconds from the start of an attempt to the full list of instances. */
const connectTimeout = 30_000;

/** Clocks of a node and of who observes it agree within this; more backwards means that the clock was set. Milliseconds. */
const clockStep = 1000;

export function createNodeLink(declared: Stored<'Node'>, options: NodeLinkOptions): NodeLink {
  const {clock, random, connect, epoch, installation, onChange, onFenced} = options;
  const {name} = declared.metadata;
  const log = options.log.child({node: name});
  const cache = createInstanceCache();
  const closing = new AbortController();
  let node = declared;
  let attempt = new AbortController();
  /** There from the full list on until the connection is lost. */
  let session: Session | undefined;
  let facts: NodeFacts | undefined;
  let heardAt: number | undefined;
  const backends = createBackends({clock, onVoid: () => onChange()});
  let lastError: string | undefined;
  let failures = 0;
  let fenced = false;
  /** Whether the present attempt came that far. */
  let wasConnected = false;

  const takeFacts = (next: NodeFacts) => {
    const previous = facts;
    facts = next;
    if (previous !== undefined && Date.parse(next.time) < Date.parse(previous.time) - clockStep) {
      cache.forgetTimes();
    }
    return previous === undefined || !isDeepStrictEqual(newsOf(previous), newsOf(next));
  };

  const takeInstance = (instance: Instance) => {
    if (cache.take(instance)) {
      onChange(instance.uid);
    }
  };

  /** Resolves when the connection is over; throws why. */
  const attend = async (connection: AgentConnection, signal: AbortSignal): Promise<void> => {
    using mine = createSession(connection, {
      clock,
      node: name,
      ...(options.check === undefined ? {} : {check: options.check}),
    });
    cache.forgetRevisions();
    const sync = createInstanceSync({
      cache,
      list: async () => (await mine.request('instance/list', {}, signal)).instances,
      onRepaired() {
        log.warn({}, 'changes of instances were lost on the way; listed them again');
        onChange();
      },
      onFailure(error) {
        if (!signal.aborted && !connection.closed.aborted) {
          log.warn({error}, 'changes of instances were lost on the way, and they can not be listed');
        }
      },
    });
    backends.forgetTold();
    let aliveAt = clock.now();
    // An agent that can't say what there is, because its backends are away, is alive; but what it said before grows old, however often it beats.
    const heard = () => {
      if (session === mine) {
        heardAt = clock.now();
        backends.renew(facts);
      }
    };
    using _changes = connection.on('instance/changed', instance => {
      aliveAt = clock.now();
      heard();
      sync.arrived();
      takeInstance(instance);
    });
    using _heartbeats = connection.on('heartbeat', next => {
      aliveAt = clock.now();
      const isNews = takeFacts(next);
      if (isInformed(next)) {
        heard();
      }
      backends.watch(next);
      if (isNews) {
        onChange();
      }
      sync.compare(next.changes);
    });
    // One after the other on the wire, with no wait in between.
    const [, hello] = await Promise.all([
      mine.negotiate(signal),
      mine.request(
        'initialize',
        {protocolVersion, role: 'controller', epoch, installation, node: name},
        signal,
      ),
    ]);
    if (hello.protocolVersion !== protocolVersion) {
      throw new AgentError(
        'Unsupported',
        `its agent speaks version ${hello.protocolVersion} of the protocol, this server ${protocolVersion}: install the same version of nexus on both`,
      );
    }
    takeFacts(hello.node);
    const instances = await sync.begin();
    aliveAt = clock.now();
    if (facts !== undefined && isInformed(facts)) {
      heardAt = aliveAt;
      backends.renew(facts);
    }
    log.info({instances, agentVersion: hello.node.agentVersion}, 'connected to node');
    lastError = undefined;
    wasConnected = true;
    // One that breaks again and again at once is no success.
    using _proven = clock.schedule(backOff.limit, () => {
      failures = 0;
    });
    session = mine;
    try {
      onChange();
      await silence(() => aliveAt, AbortSignal.any([connection.closed, signal]));
    } finally {
      session = undefined;
      backends.forgetTold();
    }
  };

  /** Throws as soon as `signal` is aborted, or nothing was heard for too long. */
  const silence = async (aliveAt: () => number, signal: AbortSignal): Promise<never> => {
    for (;;) {
      const left = aliveAt() + heartbeatDeadline - clock.now();
      if (left <= 0) {
        throw new AgentError('Disconnected', `nothing was heard from it for ${heartbeatDeadline / 1000} s`);
      }
      await clock.sleep(left, signal);
    }
  };

  const connectOnce = async (signal: AbortSignal): Promise<void> => {
    const starting = new AbortController();
    const onAbort = () => starting.abort(signal.reason);
    signal.addEventListener('abort', onAbort, {once: true});
    using _timer = clock.schedule(connectTimeout, () => {
      if (session === undefined) {
        starting.abort(new AgentError('Disconnected', `could not connect within ${connectTimeout / 1000} s`));
      }
    });
    try {
      await using connection = await connect(node, starting.signal);
      await attend(connection, starting.signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  };

  const lost = (error: unknown) => {
    session = undefined;
    if (isAgentError(error, 'Fenced')) {
      fenced = true;
      lastError = 'a later server rules this node';
      log.error({error, epoch}, 'fenced off by a later controller; will not connect again');
      onFenced();
    } else {
      failures += 1;
      const message = error instanceof Error ? error.message : String(error);
      if (!wasConnected && message === lastError) {
        return;
      }
      log.warn({error, failures}, wasConnected ? 'lost the connection to node' : 'can not connect to node');
      lastError = message;
    }
    onChange();
  };

  const run = async () => {
    while (!closing.signal.aborted && !fenced) {
      attempt = new AbortController();
      wasConnected = false;
      const either = AbortSignal.any([closing.signal, attempt.signal]);
      try {
        await connectOnce(either);
      } catch (error) {
        if (!either.aborted) {
          lost(error);
        } else if (wasConnected && !closing.signal.aborted && !fenced) {
          onChange();
        }
      }
      if (either.aborted) {
        continue;
      }
      await clock.sleep(backOffDelay(Math.max(1, failures), backOff, random), either).catch(() => {});
    }
  };
  const running = run();

  const connected = (): Session => {
    if (session === undefined) {
      throw new AgentError(
        fenced ? 'Fenced' : 'Disconnected',
        `node ${name} is not connected: ${lastError ?? 'connecting'}`,
      );
    }
    return session;
  };

  return {
    view: () => ({
      connected: session !== undefined,
      ...(lastError === undefined ? {} : {lastError}),
      ...(heardAt === undefined ? {} : {heardAt}),
      ...(facts === undefined ? {} : {facts}),
      providers: backends.evidence(),
      ...(session === undefined ? {} : {features: session.features()}),
      synced: session !== undefined,
      instances: cache.instances,
    }),
    async request(method, params, signal) {
      const mine = connected();
      try {
        const result = await mine.request(method, params, signal);
        if (isInstance(method, result)) {
          takeInstance(result);
        }
        return result;
      } catch (error) {
        if (isAgentError(error, 'Fenced') && mine === session) {
          lost(error);
          attempt.abort(error);
        }
        throw error;
      }
    },
    open: async (method, params, signal) => await connected().open(method, params, signal),
    reconnect(next) {
      node = next;
      failures = 0;
      attempt.abort(new AgentError('Disconnected', 'the node was declared anew'));
    },
    async close() {
      closing.abort(new AgentError('Disconnected', 'the connection to the node was closed'));
      await running;
    },
  };
}

/** Whether the answer to this method is an instance. */
function isInstance<M extends Method>(method: M, result: Result<M> | Instance): result is Instance {
  return requests[method].result === instanceSchema;
}
