import {z} from 'zod';
import {timestampAt} from '../effects/clock.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {Workspace} from '../v1alpha1/workspace.ts';
import {findOwner} from './find-owner.ts';
import {findResource} from './find-resource.ts';
import {flag} from './query.ts';
import {answers} from './rest-responses.ts';
import type {Reply, Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';
import {
  changeWorkspace,
  createWorkspace,
  forceDeleteAnnotation,
  retryAnnotation,
  undeleteWorkspace,
} from './workspace-actions.ts';
import {
  createFromRepoRequest,
  createWorkspaceRequest,
  workspaceAccepted,
  workspaceList,
  workspaceView as workspaceViewSchema,
} from './workspace-messages.ts';
import {acceptedView, workspaceView} from './workspace-view.ts';

const accepted = {
  description: 'Accepted; Location tells how it goes.',
  schema: workspaceAccepted,
};

/** `{id}` is a name or a uid; what belongs to others is not there. */
export function workspaceRoutes({storage, authorized, audit, clock}: RouteContext): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/api/v1/workspaces/create',
      operationId: 'createWorkspaceByRequest',
      summary: 'Create a workspace',
      description:
        'Repeating it, with the same Idempotency-Key or just the same, answers the one that is there.',
      tag: 'workspaces',
      access: 'user',
      body: {schema: createWorkspaceRequest},
      responses: answers(202, accepted, 400, 401, 403, 409, 413, 415, 422),
      async handle({caller, requestId, body: {workspace_name: name, owner, ...spec}, header}) {
        return accept(
          await createWorkspace(authorized.as(caller, requestId), {
            name,
            spec: {...spec, owner: owner ?? caller.name},
            idempotencyKey: header('idempotency-key'),
          }),
        );
      },
    }),
    defineRoute({
      method: 'post',
      path: '/api/v1/workspaces/create-from-repo',
      operationId: 'createWorkspaceFromRepo',
      summary: 'Create a workspace for a repository on GitHub, configured by what it holds',
      tag: 'workspaces',
      access: 'user',
      body: {schema: createFromRepoRequest},
      responses: answers(202, accepted, 400, 401, 403, 409, 413, 415, 422),
      async handle({caller, requestId, body, header}) {
        const {repo} = body;
        const owner = await findOwner(storage, body.github_username, caller);
        const {workspace_name: name, ...defaults} = createWorkspaceRequest.parse({
          workspace_name: body.workspace_name,
          provider: body.provider,
          configFrom: 'repository',
          repo: {...repo, url: `https://github.com/${repo.owner}/${repo.name}.git`},
        });
        return accept(
          await createWorkspace(authorized.as(caller, requestId), {
            name,
            spec: {...defaults, owner},
            idempotencyKey: header('idempotency-key'),
          }),
        );
      },
    }),
    defineRoute({
      method: 'get',
      path: '/api/v1/workspaces',
      operationId: 'listWorkspaceViews',
      summary: "The caller's workspaces; an admin sees all",
      tag: 'workspaces',
      access: 'user',
      responses: answers(200, {description: 'By name.', schema: workspaceList}, 401),
      async handle({caller, requestId}) {
        const {items} = await authorized.as(caller, requestId).list('Workspace');
        return {status: 200, json: `{"workspaces":[${items.map(viewText).join(',')}]}`};
      },
    }),
    ...(['/api/v1/workspaces/{id}', '/api/v1/workspaces/{id}/status'] as const).map(path =>
      defineRoute({
        method: 'get',
        path,
        operationId: path.endsWith('/status') ? 'getWorkspaceState' : 'getWorkspaceView',
        summary: 'How a workspace is, and how to reach it',
        tag: 'workspaces',
        access: 'user',
        responses: answers(200, {description: 'As last seen.', schema: workspaceViewSchema}, 401, 404),
        async handle({caller, requestId, params: {id = ''}}) {
          const found = await findResource(authorized.as(caller, requestId), 'Workspace', id);
          return {status: 200, body: workspaceView(found)};
        },
      }),
    ),
    ...(['start', 'stop'] as const).map(verb =>
      defineRoute({
        method: 'post',
        path: `/api/v1/workspaces/{id}/${verb}`,
        operationId: `${verb}Workspace`,
        summary: verb === 'start' ? 'Let it run' : 'Stop it, and keep what is in it',
        tag: 'workspaces',
        access: 'user',
        responses: answers(202, accepted, 401, 404, 409),
        async handle({caller, requestId, params: {id = ''}}) {
          return accept(
            await changeWorkspace(authorized.as(caller, requestId), id, workspace =>
              setRunning(workspace, verb === 'start', timestampAt(clock.now())),
            ),
          );
        },
      }),
    ),
    defineRoute({
      method: 'delete',
      path: '/api/v1/workspaces/{id}',
      operationId: 'deleteWorkspaceByRequest',
      summary: 'Delete a workspace',
      description:
        'What holds unsaved work is kept on its node for some days, and can be given back by undelete; force destroys it.',
      tag: 'workspaces',
      access: 'user',
      query: z.strictObject({force: flag.default(false)}),
      responses: answers(202, accepted, 400, 401, 404, 409),
      async handle({caller, requestId, params: {id = ''}, query: {force}}) {
        const own = authorized.as(caller, requestId);
        const workspace = await changeWorkspace(own, id, existing =>
          force ? annotate(existing, forceDeleteAnnotation, 'true') : withoutForce(existing),
        );
        const {name, uid} = workspace.metadata;
        const deleted = await own.delete('Workspace', name, {preconditions: {uid}});
        return {
          status: 202,
          body: {...acceptedView(deleted), status: 'deleting'},
          headers: location(deleted),
        };
      },
    }),
    defineRoute({
      method: 'post',
      path: '/api/v1/workspaces/{name}/undelete',
      operationId: 'undeleteWorkspace',
      summary: 'Give a deleted workspace back',
      tag: 'workspaces',
      access: 'user',
      responses: answers(202, accepted, 401, 404, 409),
      async handle({caller, requestId, params: {name = ''}}) {
        return accept(await undeleteWorkspace({storage, audit}, {caller, name, requestId}));
      },
    }),
  ];
}

/** Made once for each state of a workspace: the store hands out the same frozen object until it changes. */
const viewTexts = new WeakMap<Stored<'Workspace'>, string>();

function viewText(workspace: Stored<'Workspace'>): string {
  const known = viewTexts.get(workspace);
  if (known !== undefined) {
    return known;
  }

  const text = JSON.stringify(workspaceView(workspace));
  viewTexts.set(workspace, text);
  return text;
}

function accept(workspace: Stored<'Workspace'>): Reply {
  return {status: 202, body: acceptedView(workspace), headers: location(workspace)};
}

function location({metadata}: Stored<'Workspace'>): Record<string, string> {
  return {Location: `/api/v1/workspaces/${metadata.uid}/status`};
}

/** Starting what should run already, but fails, is a wish to try again now. */
function setRunning(workspace: Stored<'Workspace'>, running: boolean, now: string): Workspace | undefined {
  if (workspace.spec.running !== running) {
    return {...workspace, spec: {...workspace.spec, running}};
  }

  return (workspace.status?.failures ?? 0) > 0 ? annotate(workspace, retryAnnotation, now) : undefined;
}

/** A force that was cut off before its deletion, perhaps long ago, must not destroy what this deletion would keep. */
function withoutForce(workspace: Stored<'Workspace'>): Workspace | undefined {
  const {metadata} = workspace;
  const {[forceDeleteAnnotation]: force, ...annotations} = metadata.annotations ?? {};
  return force === undefined || metadata.deletionTimestamp !== undefined
    ? undefined
    : {...workspace, metadata: {...metadata, annotations}};
}

function annotate(workspace: Stored<'Workspace'>, key: string, value: string): Workspace | undefined {
  const {metadata} = workspace;
  return metadata.annotations?.[key] === value
    ? undefined
    : {...workspace, metadata: {...metadata, annotations: {...metadata.annotations, [key]: value}}};
}
