import type {Kind} from './kinds.ts';

export type Column = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date' | 'boolean';
  readonly jsonPath: string;
  /** Above 0: only with `-o wide`. */
  readonly priority?: number;
};

const age: Column = {name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp'};

const ready: Column = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
};

/** What `kubectl get` shows. */
const columns: Readonly<Record<Kind, readonly Column[]>> = {
  Workspace: [
    {name: 'Phase', type: 'string', jsonPath: '.status.phase'},
    ready,
    {name: 'Node', type: 'string', jsonPath: '.status.node'},
    {name: 'SSH', type: 'integer', jsonPath: '.status.ssh.port'},
    {name: 'Owner', type: 'string', jsonPath: '.spec.owner', priority: 1},
    {name: 'Image', type: 'string', jsonPath: '.spec.image', priority: 1},
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      priority: 1,
    },
    age,
  ],
  Node: [
    ready,
    {name: 'Address', type: 'string', jsonPath: '.spec.address'},
    {name: 'Unschedulable', type: 'boolean', jsonPath: '.spec.unschedulable'},
    {name: 'Workspaces', type: 'integer', jsonPath: '.status.workspaces'},
    {name: 'Heartbeat', type: 'date', jsonPath: '.status.heartbeatAt'},
    {name: 'Agent', type: 'string', jsonPath: '.status.agentVersion', priority: 1},
    age,
  ],
  User: [
    {name: 'Role', type: 'string', jsonPath: '.spec.role'},
    {name: 'GitHub', type: 'string', jsonPath: '.spec.githubUsername'},
    age,
  ],
  Event: [
    {name: 'Last', type: 'date', jsonPath: '.spec.lastTimestamp'},
    {name: 'Type', type: 'string', jsonPath: '.spec.type'},
    {name: 'Reason', type: 'string', jsonPath: '.spec.reason'},
    {name: 'Kind', type: 'string', jsonPath: '.spec.regarding.kind'},
    {name: 'Name', type: 'string', jsonPath: '.spec.regarding.name'},
    {name: 'Message', type: 'string', jsonPath: '.spec.message'},
    {name: 'Count', type: 'integer', jsonPath: '.spec.count', priority: 1},
  ],
  Token: [
    {name: 'User', type: 'string', jsonPath: '.spec.user'},
    {name: 'Description', type: 'string', jsonPath: '.spec.description'},
    {name: 'Expires', type: 'string', jsonPath: '.spec.expiresAt'},
    age,
  ],
  Credential: [
    {name: 'User', type: 'string', jsonPath: '.spec.user'},
    {name: 'Host', type: 'string', jsonPath: '.spec.host'},
    age,
  ],
};

/** Besides the name. */
export function columnsOf(kind: Kind): readonly Column[] {
  return columns[kind];
}
