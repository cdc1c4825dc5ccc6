import type {Storage} from '../../../api/storage/storage.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {ObjectMeta} from '../../../api/v1alpha1/metadata.ts';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {token} from '../../../api/v1alpha1/token.ts';
import {user} from '../../../api/v1alpha1/user.ts';
import type {Workspace, WorkspaceStatus} from '../../../api/v1alpha1/workspace.ts';
import {workspace} from '../../../api/v1alpha1/workspace.ts';

export const finalizer = 'nexus.dev/instance';

export function aWorkspace(
  name: string,
  {
    metadata = {},
    spec = {},
    status,
  }: {metadata?: Partial<ObjectMeta>; spec?: object; status?: WorkspaceStatus} = {},
): Workspace {
  return workspace.parse({
    apiVersion,
    kind: 'Workspace',
    metadata: {name, ...metadata},
    spec: {owner: 'ada', ...spec},
    ...(status === undefined ? {} : {status}),
  });
}

export function aUser(name: string) {
  return user.parse({apiVersion, kind: 'User', metadata: {name}, spec: {}});
}

export function aToken(name: string, sha256: string) {
  return token.parse({apiVersion, kind: 'Token', metadata: {name}, spec: {user: 'ada', sha256}});
}

/** `stored` with parts of its spec replaced. */
export function withSpec(stored: Stored<'Workspace'>, spec: Partial<Workspace['spec']>): Stored<'Workspace'> {
  return {...stored, spec: {...stored.spec, ...spec}};
}

export function withMetadata(stored: Stored<'Workspace'>, metadata: Partial<ObjectMeta>): Workspace {
  return {...stored, metadata: {...stored.metadata, ...metadata}};
}

/** `stored` on a node, with these node ports. */
export function withPorts(stored: Stored<'Workspace'>, node: string, ports: readonly number[]): Workspace {
  return {
    ...stored,
    status: {node, ports: ports.map(nodePort => ({name: `p${nodePort}`, nodePort, targetPort: 22}))},
  };
}

/** The next `count` events that are not bookmarks; the watch goes on. */
export async function take<T extends {type: string}>(
  watch: AsyncIterator<T>,
  count: number,
): Promise<Exclude<T, {type: 'BOOKMARK'}>[]> {
  const events: Exclude<T, {type: 'BOOKMARK'}>[] = [];
  while (events.length < count) {
    const next = await watch.next();
    if (next.done === true) {
      throw new Error(`The watch ended after ${events.length} of ${count} events`);
    }

    if (isChange(next.value)) {
      events.push(next.value);
    }
  }

  return events;
}

function isChange<T extends {type: string}>(event: T): event is Exclude<T, {type: 'BOOKMARK'}> {
  return event.type !== 'BOOKMARK';
}

/** Starts watching workspaces; dispose of it to end it. */
export function watchWorkspaces(
  storage: Storage,
  options: Omit<Parameters<Storage['watch']>[1], 'signal'> = {},
) {
  const abort = new AbortController();
  const events = storage.watch('Workspace', {...options, signal: abort.signal})[Symbol.asyncIterator]();
  return {events, stop: () => abort.abort(), [Symbol.dispose]: () => abort.abort()};
}
