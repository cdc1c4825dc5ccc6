import {kinds} from './kinds.ts';
import type {JsonSchema} from './openapi-structural.ts';
import {structuralSchema} from './openapi-structural.ts';
import type {ServedKind} from './validate.ts';

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
const columns: Readonly<Record<ServedKind, readonly Column[]>> = {
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
};

/** Besides the name. */
export function columnsOf(kind: ServedKind): readonly Column[] {
  return columns[kind];
}

/** The CustomResourceDefinition of a kind, as plain data. */
export function customResourceDefinition(kind: ServedKind) {
  const {plural, singular, shortNames, schema} = kinds[kind];
  // Kubernetes has its own short names for its own nodes and events.
  const free = shortNames.filter(name => name !== 'no' && name !== 'ev');
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {name: `${plural}.nexus.dev`},
    spec: {
      group: 'nexus.dev',
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(free.length === 0 ? {} : {shortNames: free}),
        categories: ['nexus'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: {status: {}},
          additionalPrinterColumns: columns[kind],
          schema: {openAPIV3Schema: rootSchema(structuralSchema(schema))},
        },
      ],
    },
  };
}

/** Kubernetes checks apiVersion, kind and metadata itself, and allows nothing but a name's rules to be added to that. */
function rootSchema({properties = {}, required}: JsonSchema): JsonSchema {
  const name = properties.metadata?.properties?.name;
  return {
    type: 'object',
    required: Array.isArray(required) ? required.filter(field => field === 'spec') : [],
    properties: {
      ...properties,
      apiVersion: {type: 'string'},
      kind: {type: 'string'},
      metadata: {
        type: 'object',
        ...(name === undefined
          ? {}
          : {
              properties: {
                name: {
                  type: 'string',
                  ...('maxLength' in name ? {maxLength: name.maxLength} : {}),
                  ...('pattern' in name ? {pattern: name.pattern} : {}),
                },
              },
            }),
      },
    },
  };
}
