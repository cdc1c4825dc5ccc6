import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import {describeInstance, hashKeys} from './instance-view.ts';
import type {Fence, Operations} from './operations.ts';
import type {Registry} from './registry.ts';

/** Changes that are made in place and answered once they are made. Throws AgentError. */
export type Settings = {
  limits(params: Params<'instance/limits'>, fence: Fence): Promise<Instance>;
  authorizedKeys(params: Params<'instance/authorizedKeys'>, fence: Fence): Promise<Instance>;
  restore(uid: string, fence: Fence): Promise<Instance>;
};

export function createSettings(registry: Registry, operations: Operations): Settings {
  const change = async (uid: string, fence: Fence, work: () => Promise<void>) => {
    const entry = registry.existing(uid);
    await operations.configure(entry, async () => {
      fence();
      await work();
      await registry.observe(uid);
    });
    return describeInstance(entry);
  };

  return {
    async limits({uid, limits}, fence) {
      return await change(uid, fence, async () => {
        const entry = registry.existing(uid);
        await registry.driverOf(entry.record.provider).setLimits(uid, limits);
        const {spec} = entry.record;
        registry.record(entry, {...entry.record, ...(spec && {spec: {...spec, limits}})});
      });
    },

    async authorizedKeys({uid, keys}, fence) {
      return await change(uid, fence, async () => {
        const entry = registry.existing(uid);
        await registry.driverOf(entry.record.provider).setAuthorizedKeys(uid, keys);
        const {spec} = entry.record;
        registry.record(entry, {
          ...entry.record,
          authorizedKeysHash: hashKeys(keys),
          ...(spec && {spec: {...spec, authorizedKeys: keys}}),
        });
      });
    },

    async restore(uid, fence) {
      return await change(uid, fence, () =>
        registry.driverOf(registry.existing(uid).record.provider).restore(uid),
      );
    },
  };
}
