import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {nodeSpec} from '../../api/v1alpha1/node.ts';
import type {WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import {workspaceSpec} from '../../api/v1alpha1/workspace.ts';

export const start = '2026-01-01T00:00:00.000Z';
export const now = Date.parse(start) + 60_000;

function meta(name: string): Stored<'Workspace'>['metadata'] {
  return {name, uid: `uid-${name}`, resourceVersion: '1', generation: 1, creationTimestamp: start};
}

/** A workspace with two services declared, and the status that a test is about. */
export function workspaceNamed(name: string, status: WorkspaceStatus = {}): Stored<'Workspace'> {
  return {
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'Workspace',
    metadata: meta(name),
    spec: workspaceSpec.parse({
      owner: 'alice',
      services: [
        {name: 'db', command: 'db', port: 5432},
        {name: 'web', command: 'web', port: 3000},
      ],
    }),
    status,
  };
}

export function nodeNamed(name: string): Stored<'Node'> {
  return {apiVersion: 'nexus.dev/v1alpha1', kind: 'Node', metadata: meta(name), spec: nodeSpec.parse({})};
}

export function eventAbout(name: string, reason: string, lastTimestamp = start): Stored<'Event'> {
  return {
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'Event',
    metadata: meta(`${name}.${reason.toLowerCase()}`),
    spec: {
      regarding: {kind: 'Workspace', name},
      type: 'Normal',
      reason,
      message: `${reason} happened`,
      actor: 'controller',
      count: 1,
      firstTimestamp: start,
      lastTimestamp,
    },
  };
}
