import {readFileSync} from 'node:fs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import type {IncomingMessage, ServerResponse} from 'node:http';
import {createServer, request} from 'node:https';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import {KubeConfig} from '@kubernetes/client-node';
import {z} from 'zod';
import {runProgram} from '../../../../cli/spawned.ts';

/** A rule of a Role. */
export const roleRule = z.object({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  verbs: z.array(z.string()),
  resourceNames: z.array(z.string()).optional(),
});

export type RoleRule = z.infer<typeof roleRule>;

/**
 * An API server as a pod sees it: by its service's address, with a certificate of the cluster's own authority and a token that changes, and as far as a Role
 * lets it. It passes on what is allowed to the real one, which allows everything.
 */
export type GuardedApi = AsyncDisposable & {
  readonly namespace: string;
  /** A folder laid out as the root of a pod. */
  readonly root: string;
  /** What a pod has in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Accepts this token from now on, and no other; in the pod's folder it is, too, unless `isTold` is false. */
  setToken(token: string, isTold?: boolean): Promise<void>;
  /** Requests that were allowed, by rule and verb: `INDEX VERB RESOURCE`. */
  readonly used: ReadonlySet<string>;
  /** Requests that no rule allows: `VERB GROUP/RESOURCE`. */
  readonly denied: ReadonlySet<string>;
  /** Kubernetes' own Events, by name. */
  readonly events: ReadonlyMap<string, object>;
};

const mount = 'var/run/secrets/kubernetes.io/serviceaccount';

export async function startGuardedApi(
  kubeconfig: string,
  {namespace, rules}: {namespace: string; rules: readonly RoleRule[]},
): Promise<GuardedApi> {
  const upstream = await upstreamOf(kubeconfig);
  const root = await mkdtemp(path.join(tmpdir(), 'nexus-pod-'));
  const folder = path.join(root, mount);
  await mkdir(folder, {recursive: true});
  await writeFile(path.join(folder, 'namespace'), namespace);
  const tls = await certificate(folder, root);
  const used = new Set<string>();
  const denied = new Set<string>();
  const secret = createSecret();
  const events = new Map<string, object>();
  let token = '';

  const server = createServer(tls, (incoming, outgoing) => {
    if (incoming.headers.authorization !== `Bearer ${token}`) {
      answer(outgoing, 401, 'Unauthorized');
      return;
    }

    const asked = attributesOf(incoming, namespace);
    const index = rules.findIndex(rule => allows(rule, asked));
    if (asked === undefined || index < 0) {
      denied.add(asked === undefined ? `${incoming.method} ${incoming.url}` : describe(asked));
      answer(outgoing, 403, 'Forbidden');
      return;
    }

    used.add(`${index} ${asked.verb} ${asked.resource}`);
    if (asked.resource === 'secrets') {
      secret.answer(incoming, outgoing);
    } else if (asked.group === '' && asked.resource === 'events') {
      answerForEvent(events, asked, {incoming, outgoing});
    } else {
      pass(incoming, outgoing, upstream);
    }
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    namespace,
    root,
    env: {KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port)},
    async setToken(next, isTold = true) {
      token = next;
      if (isTold) await writeFile(path.join(folder, 'token'), `${next}\n`);
    },
    used,
    denied,
    events,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(root, {recursive: true, force: true});
    },
  };
}

/** Of what is granted, each as {@link GuardedApi.used} has it. */
export function grantsOf(rules: readonly RoleRule[]): Set<string> {
  return new Set(
    rules.flatMap(({resources, verbs}, index) =>
      resources.flatMap(resource => verbs.map(verb => `${index} ${verb} ${resource}`)),
    ),
  );
}

type Attributes = {
  readonly group: string;
  readonly verb: string;
  /** With `/status` behind it for the subresource. */
  readonly resource: string;
  readonly name: string | undefined;
};

/** As Kubernetes derives them. Undefined for what is not in the namespace. */
function attributesOf({method, url = ''}: IncomingMessage, namespace: string): Attributes | undefined {
  const {pathname, searchParams} = new URL(url, 'https://api');
  const [, group = '', inside, plural = '', name, sub] =
    /^\/(?:api|apis\/([^/]+))\/[^/]+\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
      pathname,
    ) ?? [];
  if (inside !== namespace) return undefined;
  const collection = searchParams.get('watch') === 'true' ? 'watch' : 'list';
  const verbs: Readonly<Record<string, string>> = {
    GET: name === undefined ? collection : 'get',
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: name === undefined ? 'deletecollection' : 'delete',
  };
  const verb = verbs[method ?? ''] ?? '';
  return {group, verb, resource: sub === undefined ? plural : `${plural}/${sub}`, name};
}

function allows(
  {apiGroups, resources, verbs, resourceNames}: RoleRule,
  asked: Attributes | undefined,
): boolean {
  return (
    asked !== undefined &&
    apiGroups.includes(asked.group) &&
    resources.includes(asked.resource) &&
    verbs.includes(asked.verb) &&
    (resourceNames === undefined || (asked.name !== undefined && resourceNames.includes(asked.name)))
  );
}

function describe({verb, group, resource, name}: Attributes): string {
  return `${verb} ${group}/${resource}${name === undefined ? '' : ` ${name}`}`;
}

function answer(outgoing: ServerResponse, code: number, reason: string): void {
  outgoing.writeHead(code, {'content-type': 'application/json'});
  outgoing.end(JSON.stringify({kind: 'Status', status: 'Failure', reason, message: reason, code}));
}

/** The Secret of manifests/, which is empty at first: an API server for custom resources has none. */
function createSecret(): {answer(incoming: IncomingMessage, outgoing: ServerResponse): void} {
  let present: object = {metadata: {name: 'nexus-server', resourceVersion: '1'}};
  return {
    answer(incoming, outgoing) {
      text(incoming).then(
        given => {
          if (incoming.method === 'PUT') present = JSON.parse(given);
          outgoing.writeHead(200, {'content-type': 'application/json'});
          outgoing.end(JSON.stringify(present));
        },
        () => outgoing.destroy(),
      );
    },
  };
}

/** As Kubernetes keeps its Events, which an API server for custom resources does not. */
function answerForEvent(
  events: Map<string, object>,
  {name, verb}: Attributes,
  {incoming, outgoing}: {incoming: IncomingMessage; outgoing: ServerResponse},
): void {
  text(incoming).then(
    body => {
      const given = z
        .looseObject({metadata: z.object({name: z.string()}).optional()})
        .parse(JSON.parse(body));
      const key = name ?? given.metadata?.name ?? '';
      const present = events.get(key);
      if (verb === 'create' && present !== undefined) {
        answer(outgoing, 409, 'AlreadyExists');
      } else if (verb === 'patch' && present === undefined) {
        answer(outgoing, 404, 'NotFound');
      } else {
        events.set(key, {...present, ...given});
        outgoing.writeHead(200, {'content-type': 'application/json'});
        outgoing.end(JSON.stringify(events.get(key)));
      }
    },
    () => outgoing.destroy(),
  );
}

type Upstream = {
  readonly url: URL;
  readonly options: object;
  readonly headers: Readonly<Record<string, string>>;
};

async function upstreamOf(kubeconfig: string): Promise<Upstream> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const options: {headers?: Record<string, string>} = {};
  await config.applyToHTTPSOptions(options);
  const {headers = {}, ...rest} = options;
  return {url: new URL(config.getCurrentCluster()?.server ?? ''), options: rest, headers};
}

function pass(incoming: IncomingMessage, outgoing: ServerResponse, {url, options, headers}: Upstream): void {
  const {authorization: _, host: __, ...given} = incoming.headers;
  const sent = request(
    {
      ...options,
      host: url.hostname,
      port: url.port,
      path: incoming.url,
      method: incoming.method,
      headers: {...given, ...headers},
    },
    response => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    },
  );
  sent.on('error', () => outgoing.destroy());
  outgoing.on('close', () => sent.destroy());
  incoming.pipe(sent);
}

/** Writes `ca.crt` into `folder`. Made by openssl, as everything that is tested with certificates here. */
async function certificate(folder: string, work: string): Promise<{key: Buffer; cert: Buffer}> {
  const [keyFile, certFile] = [path.join(work, 'key.pem'), path.join(folder, 'ca.crt')];
  const {code, stderr} = await runProgram('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', '/CN=kubernetes'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1'],
  ]);
  if (code !== 0) {
    throw new Error(stderr);
  }

  return {key: readFileSync(keyFile), cert: readFileSync(certFile)};
}
