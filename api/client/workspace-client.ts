import type {Readable} from 'node:stream';
import type {
  CreateFromRepoRequest,
  CreateWorkspaceRequest,
  ServiceView,
  WorkspaceAccepted,
  WorkspaceView,
} from '../server/workspace-messages.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import type {ChannelStream} from './channel-stream.ts';
import {openChannelStream} from './channel-stream.ts';
import type {Transport} from './transport.ts';

type Options = {readonly signal?: AbortSignal};

export type ExecOptions = Options & {
  readonly command: readonly string[];
  /** `dev` by default. */
  readonly user?: 'dev' | 'root';
  /** The repository by default. */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: {readonly columns: number; readonly rows: number; readonly term: string};
};

export type LogOptions = Options & {readonly follow?: boolean; readonly tail?: number};

/** Workspaces by name or uid (`id`). Everything throws ApiError. */
export type WorkspaceClient = {
  create(
    request: CreateWorkspaceRequest,
    options?: Options & {idempotencyKey?: string},
  ): Promise<WorkspaceAccepted>;
  createFromRepo(
    request: CreateFromRepoRequest,
    options?: Options & {idempotencyKey?: string},
  ): Promise<WorkspaceAccepted>;
  list(options?: Options): Promise<readonly WorkspaceView[]>;
  status(id: string, options?: Options): Promise<WorkspaceView>;
  start(id: string, options?: Options): Promise<WorkspaceAccepted>;
  stop(id: string, options?: Options): Promise<WorkspaceAccepted>;
  /** `force` destroys what holds unsaved work, and lets go of what an unreachable node keeps. */
  delete(id: string, options?: Options & {force?: boolean}): Promise<WorkspaceAccepted>;
  /** Gives a deleted workspace back, with the same uid and whatever its node has kept. */
  undelete(name: string, options?: Options): Promise<WorkspaceAccepted>;
  services(id: string, options?: Options): Promise<readonly ServiceView[]>;
  service(id: string, service: string, options?: Options): Promise<ServiceView>;
  restartService(id: string, service: string, options?: Options): Promise<void>;
  /** Oldest first. */
  events(id: string, options?: Options): Promise<readonly Stored<'Event'>[]>;
  /** Text as it was written; with `follow` it ends when the service is gone or the stream is destroyed. */
  logs(id: string, service: string, options?: LogOptions): Promise<Readable>;
  setupLogs(id: string, options?: LogOptions): Promise<Readable>;
  exec(id: string, options: ExecOptions): Promise<ChannelStream>;
  /** A byte stream to a TCP port inside the workspace: `input` to it, `output` from it. */
  tunnel(id: string, port: number, options?: Options): Promise<ChannelStream>;
};

export function createWorkspaceClient(transport: Transport): WorkspaceClient {
  const of = (id: string, rest = '') => `/api/v1/workspaces/${encodeURIComponent(id)}${rest}`;
  const serviceOf = (id: string, service: string, rest = '') =>
    of(id, `/services/${encodeURIComponent(service)}${rest}`);
  const get = <T>(path: string, {signal}: Options = {}) => transport.json<T>({method: 'GET', path, signal});
  const post = (path: string, {signal}: Options = {}) =>
    transport.json<WorkspaceAccepted>({method: 'POST', path, signal});
  const create = (
    path: string,
    json: unknown,
    {signal, idempotencyKey}: Options & {idempotencyKey?: string} = {},
  ) =>
    transport.json<WorkspaceAccepted>({
      method: 'POST',
      path,
      json,
      headers: idempotencyKey === undefined ? {} : {'idempotency-key': idempotencyKey},
      signal,
    });
  const logs = async (path: string, {follow, tail, signal}: LogOptions = {}) => {
    const {body} = await transport.open({
      method: 'GET',
      path,
      query: {follow, tail},
      headers: {accept: 'text/plain'},
      timeout: 0,
      signal,
    });
    return body;
  };

  return {
    create: (request, options) => create('/api/v1/workspaces/create', request, options),
    createFromRepo: (request, options) => create('/api/v1/workspaces/create-from-repo', request, options),
    list: async options =>
      (await get<{workspaces: WorkspaceView[]}>('/api/v1/workspaces', options)).workspaces,
    status: (id, options) => get(of(id, '/status'), options),
    start: (id, options) => post(of(id, '/start'), options),
    stop: (id, options) => post(of(id, '/stop'), options),
    delete: (id, {force, signal} = {}) =>
      transport.json({method: 'DELETE', path: of(id), query: {force}, signal}),
    undelete: (name, options) => post(of(name, '/undelete'), options),
    services: async (id, options) =>
      (await get<{services: ServiceView[]}>(of(id, '/services'), options)).services,
    service: (id, service, options) => get(serviceOf(id, service), options),
    async restartService(id, service, {signal} = {}) {
      await transport.json({method: 'POST', path: serviceOf(id, service, '/restart'), signal});
    },
    events: async (id, options) =>
      (await get<{events: Stored<'Event'>[]}>(of(id, '/events'), options)).events,
    logs: (id, service, options) => logs(serviceOf(id, service, '/logs'), options),
    setupLogs: (id, options) => logs(of(id, '/setup/logs'), options),
    exec: (id, {command, user, directory, env, tty, signal}) =>
      openChannelStream(transport, of(id, '/exec'), {
        query: {
          command,
          user,
          directory,
          env: Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`),
          tty: tty === undefined ? undefined : 1,
          columns: tty?.columns,
          rows: tty?.rows,
          term: tty?.term,
        },
        signal,
      }),
    tunnel: (id, port, {signal} = {}) =>
      openChannelStream(transport, of(id, '/tunnel'), {query: {port}, signal}),
  };
}
