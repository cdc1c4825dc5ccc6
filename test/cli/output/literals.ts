import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import {node} from '../../../api/v1alpha1/node.ts';
import {workspace} from '../../../api/v1alpha1/workspace.ts';

export const now = Date.parse('2026-01-01T12:00:00.000Z');

const meta = {
  uid: '421538e0-d88c-4555-8cd4-a1904ba9af0f',
  resourceVersion: '7',
  generation: 2,
  creationTimestamp: '2026-01-01T09:00:00.000Z',
};

/** Runs, with one service that fails. */
export const shop: Stored<'Workspace'> = {
  ...workspace.parse({
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'Workspace',
    metadata: {name: 'shop', labels: {app: 'shop', tier: 'dev'}},
    spec: {
      owner: 'ada',
      repo: {name: 'shop', owner: 'ada', url: 'https://github.com/ada/shop.git', branch: 'main'},
      services: [
        {name: 'api', command: 'x', port: 4000},
        {name: 'web', command: 'y', port: 3000},
      ],
    },
    status: {
      phase: 'Running',
      observedGeneration: 2,
      observedAt: '2026-01-01T11:59:58.000Z',
      node: 'local',
      ports: [
        {name: 'ssh', nodePort: 2222, targetPort: 22},
        {name: 'web', nodePort: 23000, targetPort: 3000},
        {name: 'api', nodePort: 23001, targetPort: 4000},
      ],
      ssh: {host: '127.0.0.1', port: 2222, username: 'dev', hostKey: 'ssh-ed25519 AAAAC3Nz'},
      instance: {
        name: 'nexus-421538e0',
        state: 'Running',
        address: '10.0.0.5',
        observedAt: '2026-01-01T11:59:58.000Z',
      },
      services: [
        {
          name: 'api',
          port: 4000,
          localPort: 23_001,
          status: 'BackOff',
          health: 'Unhealthy',
          exitCode: 1,
          restarts: 4,
          lastError: 'Error: \u001B[31mno database\u001B[0m',
          since: '2026-01-01T11:59:00.000Z',
        },
        {
          name: 'web',
          port: 3000,
          localPort: 23_000,
          status: 'Healthy',
          health: 'Healthy',
          restarts: 0,
          url: 'http://127.0.0.1:23000',
          since: '2026-01-01T11:00:00.000Z',
        },
      ],
      repo: {
        name: 'shop',
        branch: 'main',
        commit: '93fabd39427b739c6a9b3499292c646bb8bd5db6',
        dirty: true,
        observedAt: '2026-01-01T11:59:00.000Z',
      },
      setup: {state: 'Failed', exitCode: 2, message: 'npm error code\nnpm error missing\n'},
      failures: 3,
      nextAttemptAt: '2026-01-01T12:01:00.000Z',
      conditions: [
        {
          type: 'SshReady',
          status: 'True',
          reason: 'Answering',
          message: 'Its sshd answers.',
          lastTransitionTime: '2026-01-01T09:00:02.000Z',
        },
        {
          type: 'Ready',
          status: 'False',
          reason: 'ServicesUnhealthy',
          message: 'api is BackOff.',
          lastTransitionTime: '2026-01-01T11:59:00.000Z',
        },
      ],
    },
  }),
  metadata: {name: 'shop', labels: {app: 'shop', tier: 'dev'}, ...meta},
};

/** Nothing was heard of its node for five minutes. */
export const lost: Stored<'Workspace'> = {
  ...shop,
  metadata: {...shop.metadata, name: 'lost'},
  status: {phase: 'Unknown', observedAt: '2026-01-01T11:55:00.000Z', node: 'box'},
};

/** Just created. */
export const fresh: Stored<'Workspace'> = {
  apiVersion: 'nexus.dev/v1alpha1',
  kind: 'Workspace',
  metadata: {name: 'fresh', ...meta, creationTimestamp: '2026-01-01T11:59:59.000Z'},
  spec: workspace.shape.spec.parse({owner: 'ada'}),
};

export const box: Stored<'Node'> = {
  ...node.parse({
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'Node',
    metadata: {name: 'box'},
    spec: {address: '10.0.0.7', unschedulable: true, hostKey: 'ssh-ed25519 AAAAC3Nz'},
    status: {
      heartbeatAt: '2026-01-01T11:55:00.000Z',
      agentVersion: '0.1.0',
      workspaces: 1,
      capacity: {cpus: 8, memory: 34_359_738_368, disk: 107_374_182_400},
      allocatable: {cpus: 6, memory: 17_179_869_184, disk: 53_687_091_200},
      providers: [{name: 'lxc', backend: 'incus', version: '6.0.4', ready: false, message: 'no pool'}],
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'Unreachable',
          message: 'ssh: connection refused',
          lastTransitionTime: '2026-01-01T11:55:10.000Z',
        },
      ],
    },
  }),
  metadata: {name: 'box', ...meta},
};

export const backOffEvent: Stored<'Event'> = {
  apiVersion: 'nexus.dev/v1alpha1',
  kind: 'Event',
  metadata: {name: 'shop.1', ...meta},
  spec: {
    regarding: {kind: 'Workspace', name: 'shop', uid: meta.uid},
    type: 'Warning',
    reason: 'ServiceFailed',
    message: 'api ended with exit code 1.',
    actor: 'controller',
    count: 4,
    firstTimestamp: '2026-01-01T11:50:00.000Z',
    lastTimestamp: '2026-01-01T11:59:00.000Z',
  },
};
