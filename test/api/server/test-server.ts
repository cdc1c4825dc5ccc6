import {createHash, randomBytes} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {PassThrough} from 'node:stream';
import {Registry} from 'prom-client';
import {request} from 'undici';
import {AgentError} from '../../../api/agent/v1alpha1/agent-error.ts';
import type {AgentStream} from '../../../api/agent/v1alpha1/agent-stream.ts';
import type {Client} from '../../../api/client/client.ts';
import {createClient} from '../../../api/client/client.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import type {NodeSetup} from '../../../api/node-setup/node-setup.ts';
import type {App} from '../../../api/server/app.ts';
import {createApp} from '../../../api/server/app.ts';
import type {AppOptions} from '../../../api/server/app-options.ts';
import {ensureAdmin} from '../../../api/server/ensure-admin.ts';
import type {TlsMaterial} from '../../../api/server/listen.ts';
import {listen} from '../../../api/server/listen.ts';
import type {LiveInstances} from '../../../api/server/live-instances.ts';
import type {Route} from '../../../api/server/route.ts';
import {linesType} from '../../../api/server/setup-stream.ts';
import {createTokens} from '../../../api/server/tokens.ts';
import {createCredentialStore} from '../../../api/storage/credential-store.ts';
import {createFsBundleStore} from '../../../api/storage/fs-bundle-store.ts';
import type {SqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import type {Workspace} from '../../../api/v1alpha1/workspace.ts';
import {workspace as workspaceSchema} from '../../../api/v1alpha1/workspace.ts';

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Parsed, when it is JSON; a list of JSON lines. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
};

export type Call = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: string | Buffer;
};

export type TestServer = AsyncDisposable & {
  readonly app: App;
  readonly url: string;
  readonly storage: SqliteStorage;
  readonly directory: string;
  readonly adminToken: string;
  /** As admin. */
  readonly client: Client;
  /** Registers a user, with a client of its own. */
  user(name: string, role?: 'user' | 'admin'): Promise<{token: string; client: Client}>;
  clientWith(token: string): Client;
  /** As admin unless told otherwise (`token: null`: nobody). Throws when the answer is not one that its route documents. */
  call(path: string, options?: Call): Promise<Answer>;
};

/** The whole API on a free loopback port, over a real store in memory. */
export async function startServer(
  overrides: Partial<AppOptions> = {},
  {bookmarkInterval = 10_000, alsoTls}: {bookmarkInterval?: number; alsoTls?: TlsMaterial} = {},
): Promise<TestServer> {
  const stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'nexus-server-'));
  stack.defer(() => rm(directory, {recursive: true}));
  const storage = stack.use(
    await openSqliteStorage({path: ':memory:', clock: systemClock, random: systemRandom, bookmarkInterval}),
  );
  const random = systemRandom;
  const app = createApp({
    storage,
    live: noLiveInstances,
    nodeSetup: noNodeSetup,
    bundles: createFsBundleStore({directory: join(directory, 'bundles'), clock: systemClock, random}),
    credentials: createCredentialStore({storage, key: randomBytes(32), random}),
    github: {
      whoami() {
        throw new Error('GitHub is not to be asked in this test');
      },
    },
    clock: systemClock,
    random,
    log: silentLogger,
    registry: new Registry(),
    version: '0.0.1-test',
    controllerHealth: () => ({status: 'ok'}),
    ...overrides,
  });
  const {token: adminToken} = await ensureAdmin({
    storage,
    path: join(directory, 'admin-token'),
    clock: systemClock,
    random,
  });
  const listening = stack.use(
    await listen(app, {host: '127.0.0.1', port: 0, ...(alsoTls === undefined ? {} : {alsoTls})}),
  );
  const clientWith = (token: string) => stack.use(createClient({url: listening.url, token}));

  return {
    app,
    url: listening.url,
    storage,
    directory,
    adminToken,
    client: clientWith(adminToken),
    clientWith,
    async user(name, role = 'user') {
      await storage.create('User', {apiVersion, kind: 'User', metadata: {name}, spec: {role, sshKeys: []}});
      const {token} = await createTokens({storage, clock: systemClock, random}).create({
        user: name,
        description: '',
      });
      return {token, client: clientWith(token)};
    },
    async call(path, {method = 'GET', token = adminToken, headers = {}, json, body} = {}) {
      const {
        statusCode: status,
        headers: answered,
        body: content,
      } = await request(`${listening.url}${path}`, {
        method,
        headers: {
          ...(token === null ? {} : {authorization: `Bearer ${token}`}),
          ...(json === undefined ? {} : {'content-type': 'application/json'}),
          ...headers,
        },
        body: json === undefined ? (body ?? null) : JSON.stringify(json),
      });
      const text = await content.text();
      const type = String(answered['content-type']);
      const isJson = type.startsWith('application/json') && !path.includes('watch=1');
      const answer = {
        status,
        headers: answered,
        text,
        json: type.startsWith(linesType)
          ? text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line)]))
          : isJson && text !== ''
            ? JSON.parse(text)
            : undefined,
      };
      checkDocumented(app.routes, {method, path, answer});
      return answer;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Refusals that any route may give, and that are therefore not in the table for each. */
const anywhere = new Set([400, 401, 403, 405, 408, 413, 421, 426, 429, 500, 504]);

function checkDocumented(
  routes: readonly Route[],
  {method, path, answer}: {method: string; path: string; answer: Answer},
): void {
  const pathname = path.split('?', 1)[0] ?? '';
  const route = routes.find(
    candidate =>
      candidate.method === method.toLowerCase() &&
      new RegExp(`^${candidate.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
  );
  if (route === undefined || path.includes('watch=1')) {
    return;
  }

  const documented = route.responses[answer.status];
  if (documented === undefined) {
    if (!anywhere.has(answer.status)) {
      throw new Error(
        `${method} ${route.path} answered ${answer.status}, which is not documented: ${answer.text}`,
      );
    }

    return;
  }

  if (documented.schema !== undefined && method !== 'HEAD') {
    const schema = documented.contentType === linesType ? documented.schema.array() : documented.schema;
    const parsed = schema.safeParse(answer.json);
    if (!parsed.success) {
      throw new Error(`${method} ${route.path} ${answer.status}: ${parsed.error.message}\n${answer.text}`);
    }
  }
}

/** A workspace, with what tests care about. */
export function workspaceNamed(name: string, spec: object = {}): Workspace {
  return workspaceSchema.parse({
    apiVersion,
    kind: 'Workspace',
    metadata: {name},
    spec: {owner: 'admin', ...spec},
  });
}

export const noLiveInstances: LiveInstances = {
  async exec() {
    throw new AgentError('Disconnected', 'No node is connected');
  },
  async logs() {
    throw new AgentError('Disconnected', 'No node is connected');
  },
  async tunnel() {
    throw new AgentError('Disconnected', 'No node is connected');
  },
  async restartService() {
    throw new AgentError('Disconnected', 'No node is connected');
  },
};

export const noNodeSetup: NodeSetup = {
  async prepare() {
    throw new Error('no machine is to be set up in this test');
  },
  async awaitReady() {
    throw new Error('no machine is to be set up in this test');
  },
  async test() {
    throw new Error('no machine is to be tested in this test');
  },
  instancesOn: async () => undefined,
  async purge() {
    throw new Error('no machine is to be purged in this test');
  },
};

/** The far end of a stream in the hands of a test. */
export function fakeStream(): {
  readonly stream: AgentStream;
  readonly input: PassThrough;
  readonly output: PassThrough;
  readonly errorOutput: PassThrough;
  readonly sizes: [number, number][];
  readonly aborted: Promise<void>;
  finish(outcome: {exitCode?: number} | Error): void;
} {
  const input = new PassThrough();
  const output = new PassThrough();
  const errorOutput = new PassThrough();
  const sizes: [number, number][] = [];
  const finished = Promise.withResolvers<{exitCode?: number}>();
  finished.promise.catch(() => undefined);
  const aborted = Promise.withResolvers<void>();
  return {
    input,
    output,
    errorOutput,
    sizes,
    aborted: aborted.promise,
    finish(outcome) {
      output.end();
      errorOutput.end();
      if (outcome instanceof Error) {
        finished.reject(outcome);
      } else {
        finished.resolve(outcome);
      }
    },
    stream: {
      input,
      output,
      errorOutput,
      finished: finished.promise,
      resize: (columns, rows) => sizes.push([columns, rows]),
      abort() {
        aborted.resolve();
        finished.reject(new AgentError('Disconnected', 'The stream was given up'));
      },
    },
  };
}

/** A public key of a type that is well-formed, and its fingerprint. */
export function sshKey(): {publicKey: string; fingerprint: string} {
  const type = Buffer.from('ssh-ed25519');
  const length = (size: number) => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(size);
    return buffer;
  };
  const blob = Buffer.concat([length(type.length), type, length(32), randomBytes(32)]);
  return {
    publicKey: `ssh-ed25519 ${blob.toString('base64')} test`,
    fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`,
  };
}
