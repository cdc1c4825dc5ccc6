import {isDeepStrictEqual} from 'node:util';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Agents} from './agents.ts';
import type {Connect} from './connect.ts';
import type {NodeLink} from './node-link.ts';
import {createNodeLink} from './node-link.ts';

export type AgentsOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly connect: Connect;
  /** From `storage.beginEpoch()`: which controller this is. */
  readonly epoch: number;
  /** Throws when this controller may ask nothing any more; called just before each request is sent. */
  readonly check?: () => void;
  readonly installation: string;
  /** A later controller rules that node. It stays in view as not connected, and requests to it fail with `Fenced`. */
  readonly onFenced?: (node: string) => void;
};

type Change = {readonly node: string; readonly uid?: string};

export function createAgents(options: AgentsOptions): Agents {
  const {log, onFenced = () => {}} = options;
  const links = new Map<string, {declared: Stored<'Node'>; readonly link: NodeLink}>();
  const listeners = new Set<(change: Change) => void>();

  const tell = (change: Change) => {
    for (const listener of [...listeners]) {
      try {
        listener(change);
      } catch (error) {
        log.error({error, ...change}, 'a listener failed');
      }
    }
  };
  const linkTo = (node: string): NodeLink => {
    const found = links.get(node);
    if (found === undefined) {
      throw new AgentError('Disconnected', `node ${node} is not known here`);
    }
    return found.link;
  };

  return {
    ensure(node) {
      const {name} = node.metadata;
      const present = links.get(name);
      if (present === undefined) {
        const link = createNodeLink(node, {
          ...options,
          onChange: uid => tell(uid === undefined ? {node: name} : {node: name, uid}),
          onFenced: () => onFenced(name),
        });
        links.set(name, {declared: node, link});
      } else if (!reachedAlike(present.declared, node)) {
        present.declared = node;
        present.link.reconnect(node);
      }
    },
    async forget(node) {
      const present = links.get(node);
      links.delete(node);
      await present?.link.close();
    },
    view: node => links.get(node)?.link.view(),
    request: async (node, method, params, signal) => await linkTo(node).request(method, params, signal),
    open: async (node, method, params, signal) => await linkTo(node).open(method, params, signal),
    onChange(listener) {
      listeners.add(listener);
      return {[Symbol.dispose]: () => void listeners.delete(listener)};
    },
    async [Symbol.asyncDispose]() {
      const closing = [...links.values()].map(({link}) => link.close());
      links.clear();
      await Promise.all(closing);
    },
  };
}

/** Whether nothing changed that matters to the connection. */
function reachedAlike(one: Stored<'Node'>, other: Stored<'Node'>): boolean {
  const {providers: _p, unschedulable: _u, ...reached} = one.spec;
  const {providers: _q, unschedulable: _v, ...otherReached} = other.spec;
  return one.metadata.uid === other.metadata.uid && isDeepStrictEqual(reached, otherReached);
}
