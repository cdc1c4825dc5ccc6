import {readFile} from 'node:fs/promises';
import type {Dispatcher} from 'undici';
import {Agent, request} from 'undici';
import {parse as parseYaml} from 'yaml';
import {z} from 'zod';
import type {Cluster} from '../../../storage/kubernetes/cluster.ts';
import type {TestServer} from '../../test-server.ts';
import {startServer} from '../../test-server.ts';

export type Call = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below that of the group, with `NS/` for the namespace; or from the root, when it begins with a slash. */
  readonly path: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  /** Of a watch: after so many it is left; without it, it is followed until it ends. */
  readonly events?: number;
};

export type Answer = {
  readonly status: number;
  readonly warnings: readonly string[];
  /** Parsed, where it is JSON; a list, where it is a watch. */
  readonly body: unknown;
};

/** One of the two that are compared. */
export type Side = AsyncDisposable & {
  readonly namespace: string;
  send(call: Call): Promise<Answer>;
};

const group = '/apis/nexus.dev/v1alpha1';

/** Nexus on SQLite in memory, asked as an admin. */
export async function nexusSide(): Promise<Side & {readonly server: TestServer}> {
  const server = await startServer();
  const headers = {authorization: `Bearer ${server.adminToken}`};
  const side = sideOf({namespace: 'default', url: server.url, headers, dispatcher: new Agent()});
  return {
    ...side,
    server,
    async [Symbol.asyncDispose]() {
      await side[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const kubeconfig = z.object({
  clusters: z.array(
    z.object({
      cluster: z.object({
        server: z.string(),
        'certificate-authority-data': z.string().optional(),
        'insecure-skip-tls-verify': z.boolean().optional(),
      }),
    }),
  ),
  users: z.array(
    z.object({
      user: z.object({
        token: z.string().optional(),
        'client-certificate-data': z.string().optional(),
        'client-key-data': z.string().optional(),
      }),
    }),
  ),
});

/** A real API server, in a namespace of its own. */
export async function clusterSide({kubeconfig: file, kubectl}: Cluster, namespace: string): Promise<Side> {
  await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
  const {clusters, users} = kubeconfig.parse(parseYaml(await readFile(file, 'utf8')));
  const cluster = clusters[0]?.cluster;
  const user = users[0]?.user;
  const pem = (data: string | undefined) => (data === undefined ? undefined : Buffer.from(data, 'base64'));
  const dispatcher = new Agent({
    connect: {
      ca: pem(cluster?.['certificate-authority-data']),
      cert: pem(user?.['client-certificate-data']),
      key: pem(user?.['client-key-data']),
      rejectUnauthorized: cluster?.['insecure-skip-tls-verify'] !== true,
    },
  });
  const headers = user?.token === undefined ? {} : {authorization: `Bearer ${user.token}`};
  return sideOf({namespace, url: cluster?.server ?? '', headers, dispatcher});
}

function sideOf({
  namespace,
  url,
  headers,
  dispatcher,
}: {
  namespace: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  dispatcher: Agent;
}): Side {
  return {
    namespace,
    async send(call) {
      const {method = 'GET', path, body, type = 'application/json', accept = 'application/json'} = call;
      const place = path.startsWith('/') ? path : `${group}/${path}`;
      const answer = await request(`${url}${place.replace('NS/', `namespaces/${namespace}/`)}`, {
        method,
        dispatcher,
        headers: {
          accept,
          'user-agent': 'differential/1',
          ...(body === undefined ? {} : {'content-type': type}),
          ...headers,
        },
        body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      });
      return {
        status: answer.statusCode,
        warnings: [answer.headers.warning ?? []].flat().flatMap(header => header.split(/, (?=299 )/)),
        body: parse(await readLines(answer.body, call.events), path.includes('watch=')),
      };
    },
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  };
}

/** All, or the first `count` lines. */
async function readLines(body: Dispatcher.ResponseData['body'], count: number | undefined): Promise<string> {
  if (count === undefined) {
    return body.text();
  }

  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, {stream: true});
    const lines = text.split('\n');
    if (lines.length > count) {
      return lines.slice(0, count).join('\n');
    }
  }

  return text;
}

function parse(text: string, isWatch: boolean): unknown {
  try {
    return isWatch
      ? text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line)]))
      : JSON.parse(text);
  } catch {
    return text;
  }
}
