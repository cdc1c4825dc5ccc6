import type {Migration} from './migration.ts';

const lookups = [
  ['owner', 'spec.owner'],
  ['user', 'spec.user'],
  ['sha256', 'spec.sha256'],
  ['regarding_uid', 'spec.regarding.uid'],
  ['regarding_name', 'spec.regarding.name'],
  ['last_timestamp', 'spec.lastTimestamp'],
  ['github_username', 'spec.githubUsername'],
  ['node', 'status.node'],
  ['phase', 'status.phase'],
  ['deletion', 'metadata.deletionTimestamp'],
];

const expression = (field: string | undefined) => `json_extract(doc, '$.${field}')`;

/** TypeORM keeps the expressions of generated columns in `typeorm_metadata`, since SQLite does not tell them apart from the table's text. */
export const resources: Migration = {
  version: 1,
  name: 'resources',
  up: [
    `CREATE TABLE "resources" (
      "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL,
      "kind" text NOT NULL,
      "name" text NOT NULL,
      "uid" text NOT NULL,
      "resource_version" integer NOT NULL,
      "generation" integer NOT NULL,
      "doc" text NOT NULL,
      ${lookups.map(([column, field]) => `"${column}" text AS (${expression(field)}) VIRTUAL`).join(',\n      ')}
    )`,
    'CREATE UNIQUE INDEX "resources_kind_name" ON "resources" ("kind", "name")',
    'CREATE UNIQUE INDEX "resources_uid" ON "resources" ("uid")',
    ...lookups.map(
      ([column]) =>
        `CREATE INDEX "resources_${column}" ON "resources" ("kind", "${column}", "name") WHERE "${column}" IS NOT NULL`,
    ),
    `CREATE TABLE "revisions" (
      "revision" integer PRIMARY KEY AUTOINCREMENT NOT NULL,
      "kind" text NOT NULL,
      "name" text NOT NULL,
      "uid" text NOT NULL,
      "type" text NOT NULL,
      "previous" integer,
      "time" text NOT NULL,
      "doc" text NOT NULL
    )`,
    'CREATE INDEX "revisions_kind_revision" ON "revisions" ("kind", "revision")',
    'CREATE INDEX "revisions_kind_name" ON "revisions" ("kind", "name", "revision")',
    'CREATE INDEX "revisions_time" ON "revisions" ("time")',
    `CREATE TABLE "port_allocations" (
      "node" text NOT NULL,
      "node_port" integer NOT NULL,
      "workspace_uid" text NOT NULL,
      "name" text NOT NULL,
      CONSTRAINT "port_allocations_workspace" FOREIGN KEY ("workspace_uid") REFERENCES "resources" ("uid") ON DELETE CASCADE ON UPDATE NO ACTION,
      PRIMARY KEY ("node", "node_port")
    )`,
    'CREATE INDEX "port_allocations_workspace_uid" ON "port_allocations" ("workspace_uid")',
    'CREATE TABLE "meta" ("key" text PRIMARY KEY NOT NULL, "value" integer NOT NULL)',
    `INSERT INTO "meta" VALUES ('epoch', 0), ('compacted_revision', 0)`,
    `CREATE TABLE "typeorm_metadata" (
      "type" varchar NOT NULL, "database" varchar, "schema" varchar, "table" varchar, "name" varchar, "value" text
    )`,
    ...lookups.map(
      ([column, field]) =>
        `INSERT INTO "typeorm_metadata" VALUES
          ('GENERATED_COLUMN', NULL, NULL, 'resources', '${column}', '${expression(field).replaceAll("'", "''")}')`,
    ),
  ],
  down: [
    'DROP TABLE "typeorm_metadata"',
    'DROP TABLE "meta"',
    'DROP TABLE "port_allocations"',
    'DROP TABLE "revisions"',
    'DROP TABLE "resources"',
  ],
};
