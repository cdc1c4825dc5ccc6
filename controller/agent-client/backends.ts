import type {NodeFacts} from '../../api/agent/v1alpha1/messages.ts';
import {heartbeatDeadline} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import type {ProviderEvidence} from './agents.ts';

/** How long ago each backend of a node was heard to be ready, and an alarm for those that are not any more. */
export type Backends = Disposable & {
  evidence(): ReadonlyMap<Provider, ProviderEvidence>;
  /** On a new connection nothing has been told yet. */
  forgetTold(): void;
  /** Those that are ready by these facts are heard of now. */
  renew(facts: NodeFacts | undefined): void;
  /** Once a backend that is not ready has been so for longer than the deadline, `onVoid` is called: nothing else would happen then. */
  watch(facts: NodeFacts): void;
};

export function createBackends({clock, onVoid}: {clock: Clock; onVoid: () => void}): Backends {
  let known: ReadonlyMap<Provider, ProviderEvidence> = new Map();
  const alarms = new Map<Provider, Disposable>();

  const calm = (provider: Provider) => {
    alarms.get(provider)?.[Symbol.dispose]();
    alarms.delete(provider);
  };

  const forgetTold = () => {
    known = new Map([...known].map(([name, {readyAt}]) => [name, {readyAt, told: false}]));
    for (const provider of alarms.keys()) {
      calm(provider);
    }
  };

  return {
    evidence: () => known,
    forgetTold,
    renew(facts) {
      const ready = (facts?.providers ?? []).filter(provider => provider.ready);
      if (ready.length > 0) {
        const readyAt = clock.now();
        known = new Map([...known, ...ready.map(({name}) => [name, {readyAt, told: true}] as const)]);
      }
    },
    watch({providers}) {
      for (const {name, ready} of providers) {
        if (ready) {
          calm(name);
        } else if (!alarms.has(name)) {
          alarms.set(name, clock.schedule(heartbeatDeadline + 1, onVoid));
        }
      }
    },
    [Symbol.dispose]: forgetTold,
  };
}
