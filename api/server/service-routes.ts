import type {Readable} from 'node:stream';
import {z} from 'zod';
import {isAgentError} from '../agent/v1alpha1/agent-error.ts';
import type {AgentStream} from '../agent/v1alpha1/agent-stream.ts';
import {StorageError} from '../storage/storage-error.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {findResource} from './find-resource.ts';
import type {LogSource} from './live-instances.ts';
import {count, flag} from './query.ts';
import {answers} from './rest-responses.ts';
import type {Reply, Route, RouteRequest} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';
import {serviceList, serviceView as serviceViewSchema, workspaceAccepted} from './workspace-messages.ts';
import {acceptedView, serviceViews} from './workspace-view.ts';

const logQuery = z.strictObject({
  follow: flag.default(false).describe('Go on with what is written from now on.'),
  tail: count.optional().describe('Lines from the end; all that is kept without it.'),
});

const logText = {description: 'As it was written.', contentType: 'text/plain; charset=utf-8'};

export function serviceRoutes({authorized, live, audit}: RouteContext): Route[] {
  const of = (rest: string) => `/api/v1/workspaces/{id}${rest}`;
  const find = ({caller, requestId, params: {id = ''}}: RouteRequest<unknown, unknown>) =>
    findResource(authorized.as(caller, requestId), 'Workspace', id);
  const logs = async (
    workspace: Stored<'Workspace'>,
    source: LogSource,
    {query: {follow, tail}, signal}: RouteRequest<z.infer<typeof logQuery>, unknown>,
  ): Promise<Reply> => {
    const stream = await live.logs(workspace, source, {
      follow,
      signal,
      ...(tail === undefined ? {} : {tail}),
    });
    return {status: 200, stream: outputOf(stream, signal), contentType: logText.contentType};
  };

  return [
    defineRoute({
      method: 'get',
      path: of('/services'),
      operationId: 'listServices',
      summary: 'Services of a workspace',
      tag: 'services',
      access: 'user',
      responses: answers(200, {description: 'In declared order.', schema: serviceList}, 401, 404),
      async handle(request) {
        return {status: 200, body: {services: serviceViews(await find(request))}};
      },
    }),
    defineRoute({
      method: 'get',
      path: of('/services/{name}'),
      operationId: 'getService',
      summary: 'One service',
      tag: 'services',
      access: 'user',
      responses: answers(200, {description: 'As last seen.', schema: serviceViewSchema}, 401, 404),
      async handle(request) {
        return {status: 200, body: findService(await find(request), request.params.name)};
      },
    }),
    defineRoute({
      method: 'get',
      path: of('/services/{name}/logs'),
      operationId: 'getServiceLogs',
      summary: 'What a service writes',
      tag: 'services',
      access: 'user',
      streaming: true,
      query: logQuery,
      responses: answers(200, logText, 400, 401, 404, 409, 503),
      async handle(request) {
        const workspace = await find(request);
        const {name} = findService(workspace, request.params.name);
        return logs(workspace, {type: 'service', name}, request);
      },
    }),
    defineRoute({
      method: 'get',
      path: of('/setup/logs'),
      operationId: 'getSetupLogs',
      summary: 'What the setup commands write',
      tag: 'services',
      access: 'user',
      streaming: true,
      query: logQuery,
      responses: answers(200, logText, 400, 401, 404, 409, 503),
      async handle(request) {
        return logs(await find(request), {type: 'setup'}, request);
      },
    }),
    defineRoute({
      method: 'post',
      path: of('/services/{name}/restart'),
      operationId: 'restartService',
      summary: 'Restart a service',
      tag: 'services',
      access: 'user',
      responses: answers(
        202,
        {description: 'It is being restarted.', schema: workspaceAccepted},
        401,
        404,
        409,
        503,
      ),
      async handle(request) {
        const {caller, requestId, signal} = request;
        const workspace = await find(request);
        const {name} = findService(workspace, request.params.name);
        await live.restartService(workspace, name, signal);
        await audit.record({
          object: workspace,
          reason: 'ServiceRestartRequested',
          message: `${caller.name} restarted service ${name}`,
          actor: caller.name,
          requestId,
        });
        return {status: 202, body: acceptedView(workspace)};
      },
    }),
  ];
}

function findService(workspace: Stored<'Workspace'>, name: string | undefined) {
  const services = serviceViews(workspace);
  const service = services.find(candidate => candidate.name === name);
  if (service === undefined) {
    const names = services.map(candidate => candidate.name).join(', ');
    throw new StorageError(
      'NotFound',
      `Workspace "${workspace.metadata.name}" has no service "${name}"${names === '' ? '' : `; there are: ${names}`}`,
    );
  }

  return service;
}

/** Ends with the client. A log that was cut off ends without its last chunk, which clients tell from one that ended. */
function outputOf(stream: AgentStream, signal: AbortSignal): Readable {
  const abort = () => stream.abort();
  signal.addEventListener('abort', abort, {once: true});
  stream.finished.catch((error: unknown) => {
    stream.output.destroy(isAgentError(error) ? error : new Error('The log was cut off', {cause: error}));
  });
  stream.input.end();
  stream.errorOutput.resume();
  return stream.output;
}
