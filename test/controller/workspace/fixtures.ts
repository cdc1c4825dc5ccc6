import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import type {NodeSpec} from '../../../api/v1alpha1/node.ts';
import {node as nodeSchema} from '../../../api/v1alpha1/node.ts';
import type {User} from '../../../api/v1alpha1/user.ts';
import type {WorkspaceStatus} from '../../../api/v1alpha1/workspace.ts';
import {instanceFinalizer, workspaceSpec} from '../../../api/v1alpha1/workspace.ts';
import type {Desired} from '../../../controller/workspace/desired.ts';
import {desiredOf} from '../../../controller/workspace/desired.ts';
import {authorizedKeysHash} from '../../../controller/workspace/hashes.ts';
import type {Sight} from '../../../controller/workspace/sight.ts';
import type {Situation} from '../../../controller/workspace/situation.ts';
import {runningInstance} from '../../fakes/instances.ts';

export const now = Date.parse('2026-11-20T10:00:00.000Z');
export const uid = '7f0c3a52-1111-4222-8333-444455556666';
export const publicKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7cS6xGRO7ZrEvoEmLGOPWKV4Q1cGbUYVdH7Gm1vxPN ada';
export const commit = 'a'.repeat(40);

type MetadataChanges = Partial<Stored<'Workspace'>['metadata']>;

/** A workspace with a repository, one setup command, and the services db and web (which needs db). */
export function workspaceOf(
  spec: object = {},
  {metadata = {}, status}: {metadata?: MetadataChanges; status?: WorkspaceStatus} = {},
): Stored<'Workspace'> {
  return {
    apiVersion,
    kind: 'Workspace',
    metadata: {
      name: 'shop',
      uid,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-11-20T09:00:00.000Z',
      finalizers: [instanceFinalizer],
      ...metadata,
    },
    spec: workspaceSpec.parse({
      owner: 'ada',
      repo: {owner: 'ada', name: 'shop', url: 'https://github.com/ada/shop.git', branch: 'main'},
      setup: ['npm ci'],
      services: [
        {name: 'db', command: 'postgres -D data', port: 5432},
        {name: 'web', command: 'npm start', port: 3000, dependsOn: ['db']},
      ],
      ...spec,
    }),
    ...(status !== undefined && {status}),
  };
}

export function nodeOf(name: string, spec: Partial<NodeSpec> = {}, labels = {}): Stored<'Node'> {
  const parsed = nodeSchema.parse({apiVersion, kind: 'Node', metadata: {name, labels}, spec});
  return {
    ...parsed,
    metadata: {
      ...parsed.metadata,
      uid: `node-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-11-20T09:00:00.000Z',
    },
  };
}

export const owner: User = {
  apiVersion,
  kind: 'User',
  metadata: {name: 'ada'},
  spec: {role: 'user', sshKeys: [{publicKey, fingerprint: `SHA256:${'x'.repeat(43)}`}]},
};

export function desiredFor(workspace = workspaceOf(), user: User | undefined = owner): Desired {
  return desiredOf(workspace, {
    owner: user,
    facts: undefined,
    readConfiguration: () => ({setup: [], services: []}),
  });
}

export const ports = [
  {name: 'ssh', nodePort: 2222, targetPort: 22},
  {name: 'web', nodePort: 23000, targetPort: 3000},
  {name: 'db', nodePort: 23001, targetPort: 5432},
];

/** The instance of {@link workspaceOf} when everything is as it should be. */
export function healthyInstance(changes: Partial<Instance> = {}, desired = desiredFor()): Instance {
  const {configuration} = desired;
  const observedAt = '2026-11-20T09:59:58.000Z';
  const known = configuration.state === 'Known' ? configuration : undefined;
  return runningInstance(uid, {
    specHash: desired.instance.specHash,
    address: '10.1.2.3',
    hostKey: 'ssh-ed25519 AAAAhost',
    startedAt: '2026-11-20T09:50:00.000Z',
    limits: {...desired.instance.limits},
    authorizedKeysHash: authorizedKeysHash(desired.authorizedKeys ?? []),
    repository: {commit, branch: 'main', clonedAt: observedAt, observedAt},
    ...(known !== undefined && {
      setup: {hash: known.setup.hash, state: 'Succeeded' as const},
      servicesHash: known.servicesHash,
      services: known.services.map(({name}) => ({
        name,
        state: 'Healthy' as const,
        health: 'Healthy' as const,
        restarts: 0,
        since: observedAt,
        observedAt,
      })),
    }),
    forwards: ports.map(port => ({...port, state: 'Listening' as const})),
    observedAt,
    ...changes,
  });
}

export function without<K extends keyof Instance>(instance: Instance, ...keys: K[]): Instance {
  const copy = {...instance};
  for (const key of keys) {
    delete copy[key];
  }

  return copy;
}

export function present(instance: Instance = healthyInstance()): Sight {
  return {kind: 'Present', nodeTime: now, instance};
}

export function situationOf(changes: Partial<Situation> = {}): Situation {
  return {
    desired: desiredFor(),
    sight: present(),
    status: {node: 'one', ports},
    book: {count: 0},
    hasRoom: true,
    isLeaving: false,
    now,
    ...changes,
  };
}
