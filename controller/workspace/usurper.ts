import type {Stored} from '../../api/v1alpha1/kinds.ts';

/**
 * What is wrong with a workspace that carries the uid of others, which name the same instance; undefined when there are none, or when the instance is known to be
 * this one's and nobody else's. In SQLite there is one of a uid; on Kubernetes whoever may create workspaces may write an annotation that claims one.
 */
export function usurpation(
  workspace: Stored<'Workspace'>,
  ofUid: readonly Stored<'Workspace'>[],
): string | undefined {
  const others = ofUid.filter(({metadata}) => metadata.name !== workspace.metadata.name);
  const hasInstance = ({status}: Stored<'Workspace'>) => status?.instance !== undefined;
  if (others.length === 0 || (hasInstance(workspace) && !others.some(hasInstance))) {
    return undefined;
  }

  const names = others.map(({metadata}) => metadata.name).toSorted();
  return `it claims the uid ${workspace.metadata.uid}, which ${names.join(' and ')} has: delete the one that is not right; its instance is left alone`;
}
