import type {Change, DashboardKind} from './source.ts';
import type {State} from './state.ts';

/**
 * Takes in what the server pushed, in order. A whole batch costs one copy of each kind's map, so that a burst of ten thousand
 * changes does not stall the screen.
 */
export function applyChanges(before: State, changes: readonly Change[]): State {
  const drafts = new Map<DashboardKind, Map<string, unknown>>();
  const draft = (kind: DashboardKind) => {
    const known = drafts.get(kind) ?? new Map<string, unknown>(before.resources[kind]);
    drafts.set(kind, known);
    return known;
  };

  const synced = new Set(before.synced);
  const marked = new Set(before.marked);
  let connection = before.connection;
  for (const change of changes) {
    switch (change.type) {
      case 'synced':
        synced.add(change.kind);
        drafts.set(
          change.kind,
          new Map(change.items.map((item): [string, unknown] => [item.metadata.name, item])),
        );
        break;
      case 'put':
        draft(change.kind).set(change.object.metadata.name, change.object);
        break;
      case 'gone':
        draft(change.kind).delete(change.name);
        marked.delete(change.name);
        break;
      case 'connected':
        connection = {up: true};
        break;
      case 'disconnected':
        connection = {up: false, message: change.message};
        break;
    }
  }

  return {
    ...before,
    synced,
    marked,
    connection,
    resources: {...before.resources, ...Object.fromEntries(drafts)},
  };
}
