import type {NodeFacts} from '../../api/agent/v1alpha1/messages.ts';

/** What others want to hear of at once: not what changes all the time. */
export function newsOf({time: _t, allocatable: _a, changes: _c, providers, ...news}: NodeFacts) {
  return {...news, providers: providers.map(({allocatable: _free, ...provider}) => provider)};
}

/** Whether the agent can tell what there is now: some backend of it answers. */
export function isInformed({providers}: NodeFacts): boolean {
  return providers.length === 0 || providers.some(({ready}) => ready);
}
