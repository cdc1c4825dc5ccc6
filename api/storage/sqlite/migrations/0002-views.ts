import type {Migration} from './migration.ts';

const condition = (type: string, field: string) =>
  `(SELECT json_extract(value, '$.${field}') FROM json_each(doc, '$.status.conditions')
    WHERE json_extract(value, '$.type') = '${type}')`;

/** What people read with sqlite3 and what reports query; the program itself reads `resources`. */
export const views: Migration = {
  version: 2,
  name: 'views',
  up: [
    `CREATE VIEW "workspaces" AS SELECT
      name, uid, owner, phase, node,
      ${condition('Ready', 'status')} AS ready,
      ${condition('Ready', 'reason')} AS reason,
      json_extract(doc, '$.spec.running') AS running,
      json_extract(doc, '$.spec.image') AS image,
      json_extract(doc, '$.status.ssh.host') AS ssh_host,
      json_extract(doc, '$.status.ssh.port') AS ssh_port,
      coalesce(json_extract(doc, '$.spec.repo.url'), json_extract(doc, '$.spec.repo.name')) AS repository,
      json_extract(doc, '$.spec.repo.branch') AS branch,
      json_extract(doc, '$.status.repo.commit') AS "commit",
      json_extract(doc, '$.status.observedAt') AS observed_at,
      json_extract(doc, '$.metadata.creationTimestamp') AS created_at,
      deletion AS deleted_at,
      generation, resource_version
    FROM resources WHERE kind = 'Workspace'`,
    `CREATE VIEW "services" AS SELECT
      resources.name AS workspace,
      json_extract(value, '$.name') AS name,
      json_extract(value, '$.port') AS port,
      json_extract(value, '$.localPort') AS local_port,
      json_extract(value, '$.status') AS status,
      json_extract(value, '$.health') AS health,
      json_extract(value, '$.restarts') AS restarts,
      json_extract(value, '$.exitCode') AS exit_code,
      json_extract(value, '$.lastError') AS last_error,
      json_extract(value, '$.observedAt') AS observed_at
    FROM resources, json_each(doc, '$.status.services') WHERE resources.kind = 'Workspace'`,
    `CREATE VIEW "users" AS SELECT
      name, uid, github_username,
      json_extract(doc, '$.spec.githubId') AS github_id,
      json_extract(doc, '$.spec.role') AS role,
      json_array_length(doc, '$.spec.sshKeys') AS ssh_keys,
      json_extract(doc, '$.metadata.creationTimestamp') AS registered_at
    FROM resources WHERE kind = 'User'`,
    `CREATE VIEW "nodes" AS SELECT
      name, uid,
      json_extract(doc, '$.spec.address') AS address,
      ${condition('Ready', 'status')} AS ready,
      ${condition('Ready', 'message')} AS message,
      json_extract(doc, '$.spec.unschedulable') AS unschedulable,
      json_extract(doc, '$.status.agentVersion') AS agent_version,
      json_extract(doc, '$.status.heartbeatAt') AS heartbeat_at
    FROM resources WHERE kind = 'Node'`,
    `CREATE VIEW "events" AS SELECT
      last_timestamp AS time,
      json_extract(doc, '$.spec.type') AS type,
      json_extract(doc, '$.spec.reason') AS reason,
      json_extract(doc, '$.spec.regarding.kind') AS regarding_kind,
      regarding_name, regarding_uid,
      json_extract(doc, '$.spec.message') AS message,
      json_extract(doc, '$.spec.count') AS "count",
      json_extract(doc, '$.spec.actor') AS actor,
      json_extract(doc, '$.spec.requestId') AS request_id
    FROM resources WHERE kind = 'Event'`,
  ],
  down: ['workspaces', 'services', 'users', 'nodes', 'events'].map(name => `DROP VIEW "${name}"`),
};
