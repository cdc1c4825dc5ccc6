import {EntitySchema} from 'typeorm';

/**
 * The tables as TypeORM knows them: it reads the cold ones through these, and the tests hold the migrations to them (the
 * schema diff after migrating must be empty). Rows are written by the prepared statements beside this file.
 */

export type ResourceRow = {
  id: number;
  kind: string;
  name: string;
  uid: string;
  resourceVersion: number;
  generation: number;
  doc: string;
};

export type RevisionRow = {
  revision: number;
  kind: string;
  name: string;
  uid: string;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  previous: number | null;
  time: string;
  doc: string;
};

export type PortAllocationRow = {node: string; nodePort: number; workspaceUid: string; name: string};

export type MetaRow = {key: string; value: number};

export type MarkRow = {id: number; doc: string};

export type SchemaVersionRow = {version: number; name: string; appliedAt: string};

/** Generated columns of `resources`, by the field that they hold; each is indexed, with the name so that lists come in order. */
export const lookupColumns = {
  'spec.owner': 'owner',
  'spec.user': 'user',
  'spec.sha256': 'sha256',
  'spec.regarding.uid': 'regarding_uid',
  'spec.regarding.name': 'regarding_name',
  'spec.lastTimestamp': 'last_timestamp',
  'spec.githubUsername': 'github_username',
  'status.node': 'node',
  'status.phase': 'phase',
  'metadata.deletionTimestamp': 'deletion',
} as const;

export const resourceEntity = new EntitySchema<ResourceRow>({
  name: 'resources',
  columns: {
    id: {type: 'integer', primary: true, generated: 'increment'},
    kind: {type: 'text'},
    name: {type: 'text'},
    uid: {type: 'text'},
    resourceVersion: {type: 'integer', name: 'resource_version'},
    generation: {type: 'integer'},
    doc: {type: 'text'},
    ...Object.fromEntries(
      Object.entries(lookupColumns).map(([field, column]) => [
        column,
        {
          type: 'text' as const,
          nullable: true,
          asExpression: `json_extract(doc, '$.${field}')`,
          generatedType: 'VIRTUAL' as const,
        },
      ]),
    ),
  },
  indices: [
    {name: 'resources_kind_name', columns: ['kind', 'name'], unique: true},
    {name: 'resources_uid', columns: ['uid'], unique: true},
    ...Object.values(lookupColumns).map(column => ({
      name: `resources_${column}`,
      columns: ['kind', column, 'name'],
      where: `"${column}" IS NOT NULL`,
    })),
  ],
});

export const revisionEntity = new EntitySchema<RevisionRow>({
  name: 'revisions',
  columns: {
    revision: {type: 'integer', primary: true, generated: 'increment'},
    kind: {type: 'text'},
    name: {type: 'text'},
    uid: {type: 'text'},
    type: {type: 'text'},
    previous: {type: 'integer', nullable: true},
    time: {type: 'text'},
    doc: {type: 'text'},
  },
  indices: [
    {name: 'revisions_kind_revision', columns: ['kind', 'revision']},
    {name: 'revisions_kind_name', columns: ['kind', 'name', 'revision']},
    {name: 'revisions_time', columns: ['time']},
  ],
});

export const portAllocationEntity = new EntitySchema<PortAllocationRow>({
  name: 'port_allocations',
  columns: {
    node: {type: 'text', primary: true},
    nodePort: {type: 'integer', primary: true, name: 'node_port'},
    workspaceUid: {
      type: 'text',
      name: 'workspace_uid',
      foreignKey: {
        target: 'resources',
        inverseSide: 'uid',
        onDelete: 'CASCADE',
        name: 'port_allocations_workspace',
      },
    },
    name: {type: 'text'},
  },
  indices: [{name: 'port_allocations_workspace_uid', columns: ['workspaceUid']}],
});

/** `epoch`: of the last leader. `compacted_revision`: revisions up to here may be gone. */
export const metaEntity = new EntitySchema<MetaRow>({
  name: 'meta',
  columns: {key: {type: 'text', primary: true}, value: {type: 'integer'}},
});

/** At most one row, see StoreMark. */
export const markEntity = new EntitySchema<MarkRow>({
  name: 'mark',
  columns: {id: {type: 'integer', primary: true}, doc: {type: 'text'}},
});

export const schemaVersionEntity = new EntitySchema<SchemaVersionRow>({
  name: 'schema_version',
  columns: {
    version: {type: 'integer', primary: true},
    name: {type: 'text'},
    appliedAt: {type: 'text', name: 'applied_at'},
  },
});

export const entities = [
  resourceEntity,
  revisionEntity,
  portAllocationEntity,
  metaEntity,
  markEntity,
  schemaVersionEntity,
];
