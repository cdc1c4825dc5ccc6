import assert from 'node:assert/strict';
import {isApiError} from '../../api/client/api-error.ts';
import type {Client} from '../../api/client/client.ts';
import type {Condition} from '../../api/v1alpha1/condition.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {apiVersion} from '../../api/v1alpha1/metadata.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';

/** Small, so that many fit: what most of these tests declare, with one service that answers HTTP on port 8080 with its process id. */
export const smallSpec = {
  owner: 'admin',
  resources: {cpus: 1, memory: '512MiB', disk: '2GiB'},
  services: [
    {
      name: 'web',
      command: `exec node -e 'require("http").createServer((_, r) => r.end(String(process.pid))).listen(8080)'`,
      port: 8080,
      healthCheck: {http: '/', interval: '500ms'},
    },
  ],
} as const;

/** Declares a workspace as a program would, over the API. */
export async function declare(client: Client, name: string, spec: object = smallSpec): Promise<void> {
  await client.apply('Workspace', {apiVersion, kind: 'Workspace', metadata: {name}, spec}, {name});
}

export function conditionOf(resource: Stored<'Workspace' | 'Node'>, type: string): Condition {
  const condition = findCondition(resource.status?.conditions, type);
  assert.ok(condition, `${resource.metadata.name} has no condition ${type} yet`);
  return condition;
}

/** The workspace once it is Ready as declared now, not as it was declared before. */
export async function untilReady(
  {client}: Pick<Installation, 'client'>,
  name: string,
  timeout = 90_000,
): Promise<Stored<'Workspace'>> {
  return await eventually(
    async () => {
      const workspace = await client().get('Workspace', name);
      const ready = conditionOf(workspace, 'Ready');
      const {generation} = workspace.metadata;
      assert.equal(ready.status, 'True', `${name}: ${ready.reason}: ${ready.message}`);
      assert.equal(ready.observedGeneration, generation, `${name} is Ready as it was declared before`);
      return workspace;
    },
    {timeout},
  );
}

/** The workspace once one of its conditions gives this reason. */
export async function untilReason(
  {client}: Pick<Installation, 'client'>,
  name: string,
  {type, reason}: {readonly type: string; readonly reason: string},
): Promise<Condition> {
  return await eventually(
    async () => {
      const condition = conditionOf(await client().get('Workspace', name), type);
      assert.equal(condition.reason, reason, `${name}: ${type}: ${condition.message}`);
      return condition;
    },
    {timeout: 90_000},
  );
}

export async function untilGone({client}: Pick<Installation, 'client'>, name: string): Promise<void> {
  await eventually(
    async () => {
      const left = await client()
        .get('Workspace', name)
        .catch((error: unknown) => {
          if (isApiError(error, 'NotFound')) {
            return undefined;
          }

          throw error;
        });
      assert.equal(left, undefined, `${name}: ${JSON.stringify(left?.status?.conditions)}`);
    },
    {timeout: 90_000},
  );
}

export function nodePortOf({metadata, status}: Stored<'Workspace'>, port: string): number {
  const found = status?.ports?.find(({name}) => name === port)?.nodePort;
  assert.ok(found !== undefined, `${metadata.name} has no port ${port}`);
  return found;
}

/** What a service answers through its port of the node. */
export async function fetchText(
  workspace: Stored<'Workspace'>,
  service: string,
  path = '/',
): Promise<string> {
  const host = workspace.status?.ssh?.host ?? '127.0.0.1';
  const response = await fetch(`http://${host}:${nodePortOf(workspace, service)}${path}`, {
    headers: {connection: 'close'},
    signal: AbortSignal.timeout(5000),
  });
  assert.equal(response.status, 200, `${service}${path} answered ${response.status}`);
  return await response.text();
}
