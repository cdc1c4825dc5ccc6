import {AgentError} from '../api/agent/v1alpha1/agent-error.ts';
import type {Fence} from './instances/operations.ts';

/** Where the highest epoch outlives the agent. */
export type EpochStore = {
  load(): Promise<number>;
  save(epoch: number): Promise<void>;
};

/** Lets only the newest controller change anything. */
export type Epochs = {
  /** Notes a controller's epoch, durably before it resolves. Rejects with AgentError Fenced when a later one has been here. */
  enter(epoch: number): Promise<Fence>;
};

export async function createEpochs(store: EpochStore): Promise<Epochs> {
  let highest = await store.load();

  const fenceOf =
    (epoch: number): Fence =>
    () => {
      if (epoch < highest) {
        throw new AgentError(
          'Fenced',
          `a later server (epoch ${highest}) has taken over this node; this one is of epoch ${epoch}`,
        );
      }
    };

  return {
    async enter(epoch) {
      const fence = fenceOf(epoch);
      fence();
      if (epoch > highest) {
        highest = epoch;
        await store.save(epoch);
        fence();
      }
      return fence;
    },
  };
}
