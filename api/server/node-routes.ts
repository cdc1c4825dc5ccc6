import {z} from 'zod';
import {timestampAt} from '../effects/clock.ts';
import {isStorageError, StorageError} from '../storage/storage-error.ts';
import {findCondition} from '../v1alpha1/condition.ts';
import {parseDuration} from '../v1alpha1/duration.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import type {NodeSpec} from '../v1alpha1/node.ts';
import {nodeSpec} from '../v1alpha1/node.ts';
import type {CallerStorage} from './authorized-storage.ts';
import {checkNodeEmpty} from './node-emptiness.ts';
import type {NodeView} from './node-messages.ts';
import {createNodeRequest, drainNodeRequest, nodeList, nodeView as nodeViewSchema} from './node-messages.ts';
import {flag} from './query.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';

/** Of cordoning a node whose spec others change, too. */
const attempts = 5;

const one = {description: 'The node.', schema: nodeViewSchema};

export function nodeRoutes({authorized, clock}: RouteContext): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/api/v1/nodes',
      operationId: 'listNodeViews',
      summary: 'Nodes',
      tag: 'nodes',
      access: 'user',
      responses: answers(200, {description: 'By name.', schema: nodeList}, 401),
      async handle({caller, requestId}) {
        const {items} = await authorized.as(caller, requestId).list('Node');
        return {status: 200, body: {nodes: items.map(nodeView)}};
      },
    }),
    defineRoute({
      method: 'post',
      path: '/api/v1/nodes',
      operationId: 'addNode',
      summary: 'Add a node',
      description: 'Without host_key it is not connected to until one is pinned.',
      tag: 'nodes',
      access: 'admin',
      body: {schema: createNodeRequest},
      responses: answers(201, one, 400, 401, 403, 409, 413, 415),
      async handle({caller, requestId, body: {name, labels, host_key: hostKey, ...rest}}) {
        const node = await authorized.as(caller, requestId).create('Node', {
          apiVersion,
          kind: 'Node',
          metadata: {name, ...(labels === undefined ? {} : {labels})},
          spec: nodeSpec.parse({...rest, ...(hostKey === undefined ? {} : {hostKey})}),
        });
        return {status: 201, body: nodeView(node), headers: {Location: `/api/v1/nodes/${name}`}};
      },
    }),
    defineRoute({
      method: 'get',
      path: '/api/v1/nodes/{name}',
      operationId: 'getNodeView',
      summary: 'One node',
      tag: 'nodes',
      access: 'user',
      responses: answers(200, one, 401, 404),
      async handle({caller, requestId, params: {name = ''}}) {
        return {status: 200, body: nodeView(await authorized.as(caller, requestId).get('Node', name))};
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/api/v1/nodes/{name}',
      operationId: 'removeNode',
      summary: 'Remove a node',
      description:
        'Refused while workspaces are on it, unless forced: what is on it is then left alone there.',
      tag: 'nodes',
      access: 'admin',
      query: z.strictObject({force: flag.default(false)}),
      responses: answers(200, one, 400, 401, 403, 404, 409),
      async handle({caller, requestId, params: {name = ''}, query: {force}}) {
        const storage = authorized.as(caller, requestId);
        if (!force) {
          await checkNodeEmpty(storage, name);
        }

        return {status: 200, body: nodeView(await storage.delete('Node', name))};
      },
    }),
    defineRoute({
      method: 'post',
      path: '/api/v1/nodes/{name}/drain',
      operationId: 'drainNode',
      summary: 'Move the workspaces of a node to others',
      description:
        'Cordons the node. Each of its workspaces is stopped, copied, started on its new node, and only then removed; condition InPlace and status.migration of each tell how far it is. Uncordoning ends it: moves that have not switched over are given up, and those workspaces stay.',
      tag: 'nodes',
      access: 'admin',
      body: {schema: drainNodeRequest},
      responses: answers(202, one, 400, 401, 403, 404, 409, 413, 415),
      async handle({caller, requestId, params: {name = ''}, body: {to, timeout}}) {
        const storage = authorized.as(caller, requestId);
        await checkDrainTarget(storage, name, to);
        const now = clock.now();
        const node = await setUnschedulable(storage, name, true, {
          requestedAt: timestampAt(now),
          ...(to !== undefined && {to}),
          ...(timeout !== undefined && {until: timestampAt(now + parseDuration(timeout))}),
        });
        return {status: 202, body: nodeView(node)};
      },
    }),
    ...(['cordon', 'uncordon'] as const).map(verb =>
      defineRoute({
        method: 'post',
        path: `/api/v1/nodes/{name}/${verb}`,
        operationId: `${verb}Node`,
        summary: verb === 'cordon' ? 'Place nothing new on a node' : 'Place workspaces on a node again',
        tag: 'nodes',
        access: 'admin',
        responses: answers(200, one, 401, 403, 404, 409),
        async handle({caller, requestId, params: {name = ''}}) {
          const storage = authorized.as(caller, requestId);
          return {status: 200, body: nodeView(await setUnschedulable(storage, name, verb === 'cordon'))};
        },
      }),
    ),
  ];
}

async function setUnschedulable(
  storage: CallerStorage,
  name: string,
  unschedulable: boolean,
  drain?: NodeSpec['drain'],
): Promise<Stored<'Node'>> {
  for (let attempt = 1; ; attempt += 1) {
    const node = await storage.get('Node', name);
    try {
      const {drain: present, ...spec} = node.spec;
      const kept = unschedulable ? (drain ?? present) : undefined;
      return await storage.update('Node', {
        ...node,
        spec: {...spec, unschedulable, ...(kept !== undefined && {drain: kept})},
      });
    } catch (error) {
      if (!isStorageError(error, 'Conflict') || attempt === attempts) {
        throw error;
      }
    }
  }
}

async function checkDrainTarget(storage: CallerStorage, name: string, to: string | undefined): Promise<void> {
  if (to === name) {
    const issues = [{path: 'to', message: 'must be another node'}];
    throw new StorageError('Invalid', 'A node can not be drained to itself', {issues});
  }

  if (to !== undefined) {
    await storage.get('Node', to);
  }
}

function nodeView({metadata, spec, status = {}}: Stored<'Node'>): NodeView {
  const ready = findCondition(status.conditions, 'Ready');
  return {
    name: metadata.name,
    address: spec.address,
    user: spec.user,
    port: spec.port,
    local: spec.local,
    labels: metadata.labels ?? {},
    unschedulable: spec.unschedulable,
    draining: spec.unschedulable && spec.drain !== undefined,
    ready: ready?.status ?? 'Unknown',
    message: ready?.message ?? null,
    heartbeat_at: status.heartbeatAt ?? null,
    agent_version: status.agentVersion ?? null,
    providers: (status.providers ?? []).map(({name, backend, version, ready: works}) => ({
      name,
      backend,
      version,
      ready: works,
    })),
    capacity: status.capacity ?? null,
    allocatable: status.allocatable ?? null,
    workspaces: status.workspaces ?? 0,
  };
}
