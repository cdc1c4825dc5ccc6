import {z} from 'zod';
import {condition} from '../v1alpha1/condition.ts';
import {resourceName, timestamp} from '../v1alpha1/metadata.ts';
import {repository} from '../v1alpha1/repository.ts';
import {githubUsername} from '../v1alpha1/user.ts';
import {provider, workspaceSpec} from '../v1alpha1/workspace.ts';

/**
 * `deleting` and `unknown` besides the five documented states: a workspace that is not known to run is never called running,
 * and one that is going away is none of the others.
 */
export const workspaceState = z.enum([
  'pending',
  'creating',
  'running',
  'stopped',
  'error',
  'deleting',
  'unknown',
]);

export const createWorkspaceRequest = workspaceSpec.omit({owner: true}).extend({
  workspace_name: resourceName,
  owner: resourceName.optional().describe('The caller by default; another user only for an admin.'),
});

/** The repository is taken from GitHub; its .nexus/config.yaml, or what is generated in its place, says what to run. */
export const createFromRepoRequest = z.strictObject({
  github_username: githubUsername.describe('Of the owner-to-be: the caller, unless that is an admin.'),
  workspace_name: resourceName,
  repo: z.strictObject({
    owner: githubUsername,
    name: repository.shape.name,
    branch: repository.shape.branch,
  }),
  provider: provider.default('lxc'),
});

export const workspaceAccepted = z.strictObject({
  workspace_id: z.string(),
  name: z.string(),
  status: workspaceState,
  ssh_port: z.int().nullable().describe('null until one is allocated: ask at Location.'),
});

export const serviceView = z.strictObject({
  name: z.string(),
  port: z.int().nullable().describe('Inside the workspace.'),
  local_port: z.int().nullable().describe('On the node.'),
  health_status: z.enum(['healthy', 'unhealthy', 'unknown']),
  status: z.string(),
  url: z.string().nullable(),
  restarts: z.int(),
  exit_code: z.int().nullable(),
  last_error: z.string().nullable(),
  observed_at: timestamp.nullable(),
});

export const workspaceView = z.strictObject({
  workspace_id: z.string(),
  name: z.string(),
  owner: z.string(),
  status: workspaceState,
  ready: z.boolean(),
  provider,
  image: z.string(),
  node: z.string().nullable(),
  ssh: z
    .strictObject({
      host: z.string().nullable(),
      port: z.int().nullable().describe("The node's; null while it is reached through the gateway only."),
      username: z.string(),
      host_key: z.string().nullable().describe('To pin; null until known.'),
      gateway: z
        .strictObject({host: z.string().nullable(), port: z.int()})
        .nullable()
        .describe("host null: by the server's own name; GET /api/v1/gateway has its host key."),
    })
    .nullable(),
  services: z.array(serviceView),
  repo: z
    .strictObject({
      owner: z.string().nullable(),
      name: z.string(),
      branch: z.string().nullable(),
      commit: z.string().nullable(),
    })
    .nullable(),
  conditions: z.array(condition),
  created_at: timestamp,
  observed_at: timestamp.nullable().describe('How old the evidence for all this is.'),
});

export const workspaceList = z.strictObject({workspaces: z.array(workspaceView)});
export const serviceList = z.strictObject({services: z.array(serviceView)});

export type WorkspaceState = z.infer<typeof workspaceState>;
export type CreateWorkspaceRequest = z.input<typeof createWorkspaceRequest>;
export type CreateFromRepoRequest = z.input<typeof createFromRepoRequest>;
export type WorkspaceAccepted = z.infer<typeof workspaceAccepted>;
export type WorkspaceView = z.infer<typeof workspaceView>;
export type ServiceView = z.infer<typeof serviceView>;
