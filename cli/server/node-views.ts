import type {NodeViews} from '../../controller/agent-client/agents.ts';
import type {Readers} from '../../controller/agent-client/readers.ts';
import type {Caches} from '../../controller/caches.ts';
import type {Leadership} from './leadership.ts';

/** What the controller knows of nodes, where it runs here; else what a connection that only looks can tell. */
export function createNodeViews({
  leadership,
  readers,
  caches,
  signal,
}: {
  readonly leadership: Pick<Leadership, 'agents'>;
  readonly readers: Pick<Readers, 'view'>;
  readonly caches: Pick<Caches, 'nodes'>;
  /** Ends it all. */
  readonly signal: AbortSignal;
}): NodeViews {
  return {
    async view(name) {
      const agents = leadership.agents();
      if (agents !== undefined) {
        return agents.view(name);
      }

      const node = caches.nodes.get(name);
      return node === undefined ? undefined : await readers.view(node, signal);
    },
  };
}
