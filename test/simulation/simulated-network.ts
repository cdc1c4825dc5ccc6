import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {AgentConnection, AgentPeer, RequestHandlers} from '../../api/agent/v1alpha1/connection.ts';
import {mutating} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {SeededRandom} from './seeded-random.ts';
import type {Message} from './simulated-end.ts';
import {createEnd} from './simulated-end.ts';
import type {SimulatedProcess} from './simulated-process.ts';

/** The state of the wire to one node. Probabilities are for one message. */
export type Conditions = {
  /** Milliseconds. */
  readonly delay: {readonly least: number; readonly most: number};
  /** It is lost, and the stream breaks some time later. */
  readonly lose: number;
  /** A notification never arrives, and nothing else shows it. No real stream does that; what holds here holds against our own bugs, too. */
  readonly vanish: number;
  /** It arrives a second time, later. */
  readonly double: number;
  /** It overtakes others. No real stream does that either, and {@link AgentPeer} promises that none does. */
  readonly reorder: number;
  /** Nothing gets through, and nobody is told. */
  readonly partitioned: boolean;
};

export const goodConditions: Conditions = {
  delay: {least: 0, most: 2},
  lose: 0,
  vanish: 0,
  double: 0,
  reorder: 0,
  partitioned: false,
};

/** An agent that takes connections. */
export type Listener = {
  readonly process: SimulatedProcess;
  /** Serves one more connection. */
  accept(open: (handlers: RequestHandlers) => AgentPeer): void;
};

export type SimulatedNetwork = {
  listen(node: string, listener: Listener): void;
  /** Throws AgentError Disconnected when no living agent listens there. */
  connect(node: string, client: SimulatedProcess, signal: AbortSignal): Promise<AgentConnection>;
  setConditions(node: string, conditions: Conditions): void;
  /** Milliseconds since 1970: when a server last heard anything from that node. */
  heardAt(node: string): number;
  /** Requests so far that ask an agent to change something. */
  readonly changes: number;
  /** Cuts all connections to a node; each end notices in its own time. */
  cut(node: string): void;
};

/** Milliseconds after which an end notices at the latest that the other is gone, if it is told at all. */
const longestNotice = 500;

/** Milliseconds after which a stream that gets nothing through breaks at the latest. */
const longestRepetition = 30_000;

export function createSimulatedNetwork({
  clock,
  random,
}: {
  clock: Clock;
  random: SeededRandom;
}): SimulatedNetwork {
  const listeners = new Map<string, Listener>();
  const conditions = new Map<string, Conditions>();
  const cuts = new Map<string, Set<() => void>>();
  const heard = new Map<string, number>();
  let changes = 0;

  /** One direction of a connection. */
  const wire = (node: string, receive: (message: Message) => void, broken: () => void) => {
    let last = 0;
    return (message: Message) => {
      const {delay, lose, vanish, double, reorder, partitioned} = conditions.get(node) ?? goodConditions;
      if (partitioned) {
        return;
      }

      if (random.chance(lose)) {
        // A stream repeats what was lost until it is through, or breaks.
        clock.schedule(random.between(0, longestRepetition), broken);
        return;
      }

      if (message.type === 'notification' && random.chance(vanish)) {
        return;
      }

      // Cloned as on a real wire: what the sender changes later is not seen.
      const copy = message.type === 'answer' && message.error ? message : structuredClone(message);
      const at = clock.now() + random.between(delay.least, delay.most);
      const due = random.chance(reorder) ? at : Math.max(last, at);
      last = Math.max(last, due);
      const deliver = () => receive(copy);
      // A tick apart for each, since what falls due at one moment comes in any order.
      last += 0.001;
      clock.schedule(due - clock.now() + 0.001, deliver);
      if (message.type !== 'answer' && random.chance(double)) {
        clock.schedule(due - clock.now() + random.between(0, 1000), deliver);
      }
    };
  };

  return {
    heardAt: node => heard.get(node) ?? 0,
    get changes() {
      return changes;
    },
    listen: (node, listener) => void listeners.set(node, listener),
    setConditions: (node, next) => void conditions.set(node, next),
    cut(node) {
      for (const cut of cuts.get(node) ?? []) {
        cut();
      }
    },
    async connect(node, client, signal) {
      await client.clock.sleep(random.between(1, 50), signal);
      const listener = listeners.get(node);
      if (conditions.get(node)?.partitioned) {
        await client.clock.sleep(20_000, signal);
        throw new AgentError('Disconnected', `simulated: ${node} does not answer`);
      }

      if (!listener?.process.alive) {
        throw new AgentError('Disconnected', `simulated: nothing listens on ${node}`);
      }

      return join(node, client, listener);
    },
  };

  function join(
    node: string,
    client: SimulatedProcess,
    {process: server, accept}: Listener,
  ): AgentConnection {
    const near = createEnd(client, message => {
      changes += message.type === 'request' && mutating.has(message.method) ? 1 : 0;
      toServer(message);
    });
    const far = createEnd(server, message => toClient(message));
    const cut = () => {
      clock.schedule(random.between(0, longestNotice), () => near.close('the connection was lost'));
      clock.schedule(random.between(0, longestNotice), () => far.close('the connection was lost'));
      cuts.get(node)?.delete(cut);
    };
    const toServer = wire(node, message => far.receive(message), cut);
    const toClient = wire(
      node,
      message => {
        if (client.alive) {
          heard.set(node, clock.now());
        }

        near.receive(message);
      },
      cut,
    );
    const open = cuts.get(node) ?? new Set();
    cuts.set(node, open.add(cut));
    for (const process of [client, server]) {
      process.died.addEventListener('abort', cut, {once: true});
    }

    for (const end of [near, far]) {
      end.peer.closed.addEventListener('abort', cut, {once: true});
    }

    accept(handlers => {
      far.serve(handlers);
      return far.peer;
    });
    return {...near.peer, request: near.request};
  }
}
