import type {Lead, Term} from '../../api/storage/term.ts';
import type {Agents} from '../../controller/agent-client/agents.ts';
import type {Caches} from '../../controller/caches.ts';
import type {AgentUpgrader} from '../../controller/rollout/agent-upgrader.ts';
import type {ControllerOptions} from '../../controller/run.ts';
import {runController} from '../../controller/run.ts';
import type {OpenStore} from './open-store.ts';

/** Runs the controller for as long as this server leads. */
export type Leadership = {
  readonly lead: Lead;
  /** Resolves when the controller has been started for the first time. */
  readonly began: Promise<void>;
  /** The controller's connections, while it runs here. */
  agents(): Agents | undefined;
  /** Whether it runs here and acts. */
  acts(): boolean;
};

export type LeadershipOptions = Omit<ControllerOptions, 'term' | 'onFenced'> & {
  readonly caches: Caches;
  readonly store: Pick<OpenStore, 'runMaintenance'>;
};

/** `lead` rejects when a node obeys another server: whoever leads then, it is not this one. */
export function createLeadership(options: LeadershipOptions): Leadership {
  const {caches, store, upgrader} = options;
  const began = Promise.withResolvers<void>();
  let controller: ReturnType<typeof runController> | undefined;

  return {
    began: began.promise,
    agents: () => controller?.agents,
    acts: () => controller?.ready() === true,
    async lead(term, stopping) {
      const fenced = new AbortController();
      const end = AbortSignal.any([term.signal, stopping, fenced.signal]);
      if (caches.hasSynced()) {
        // What the leader before has written must be in view from the beginning.
        await caches.refresh(end).catch(() => undefined);
      }

      if (!end.aborted) {
        const maintenance = store.runMaintenance(end);
        controller = runController(
          {
            ...options,
            ...(upgrader === undefined ? {} : {upgrader: duringTerm(upgrader, term)}),
            term,
            onFenced: node => {
              fenced.abort(
                new Error(`another server of this installation controls node ${node}: this one must not act`),
              );
            },
          },
          end,
        );
        began.resolve();
        await controller.stopped;
        controller = undefined;
        await maintenance;
      }

      if (fenced.signal.aborted && !stopping.aborted) {
        throw fenced.signal.reason;
      }
    },
  };
}

/** Nodes' agents are changed by whoever leads, and nobody else. */
function duringTerm(upgrader: AgentUpgrader, {check}: Pick<Term, 'check'>): AgentUpgrader {
  return {
    wanted: upgrader.wanted,
    async upgrade(node, signal) {
      check();
      return await upgrader.upgrade(node, signal);
    },
    async rollBack(node, signal) {
      check();
      return await upgrader.rollBack(node, signal);
    },
  };
}
