import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {NodeSpec} from '../../api/v1alpha1/node.ts';

export function localNode(name: string, changes: Partial<NodeSpec> = {}): Stored<'Node'> {
  return {
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'Node',
    metadata: {
      name,
      uid: `uid-of-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-11-20T10:00:00.000Z',
    },
    spec: {
      local: true,
      address: '127.0.0.1',
      user: 'root',
      port: 22,
      providers: ['lxc'],
      unschedulable: false,
      ...changes,
    },
  };
}
