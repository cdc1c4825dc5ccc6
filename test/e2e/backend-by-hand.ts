import {request as httpRequest} from 'node:http';
import {text} from 'node:stream/consumers';
import {z} from 'zod';

const answer = z.object({
  type: z.string(),
  error_code: z.number().optional(),
  error: z.string().optional(),
  metadata: z.unknown(),
  operation: z.string().optional(),
});

const operation = z.object({status_code: z.number(), err: z.string().optional()});
const success = 200;

const instance = z.object({
  name: z.string(),
  status: z.string(),
  config: z.record(z.string(), z.string()),
  created_at: z.string(),
});

export type HandInstance = z.infer<typeof instance>;

/** The backend's own REST API, raw: what somebody does with `incus` behind Nexus's back, and what is really there. */
export type BackendByHand = {
  /** Everything in the installation's project, ours or not. */
  instances(): Promise<readonly HandInstance[]>;
  /** Those that carry the mark of a workspace. */
  find(uid: string): Promise<readonly HandInstance[]>;
  /** Any request; waits for the operation that it starts. Throws when either fails. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  state(name: string, action: 'start' | 'stop' | 'freeze'): Promise<void>;
  /** Names of all projects, pools and networks that carry the installation's id. */
  belongings(): Promise<readonly string[]>;
};

export function createBackendByHand(socketPath: string, installation: string): BackendByHand {
  const project = `nexus-${installation}`;
  const once = async (method: string, path: string, body?: unknown) => {
    const url = new URL(path, 'http://backend');
    url.searchParams.set('project', project);
    const {promise, resolve, reject} = Promise.withResolvers<string>();
    const request = httpRequest(
      {socketPath, method, path: url.pathname + url.search, agent: false},
      response => {
        text(response).then(resolve, reject);
      },
    );
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
    const parsed = answer.parse(JSON.parse(await promise));
    if (parsed.type === 'error') {
      throw new Error(`${method} ${path}: ${parsed.error}`);
    }

    return parsed;
  };
  const call = async (method: string, path: string, body?: unknown) => {
    const first = await once(method, path, body);
    if (first.type !== 'async' || first.operation === undefined) {
      return first.metadata;
    }

    const {metadata} = await once('GET', `${first.operation}/wait?timeout=60`);
    const done = operation.parse(metadata);
    if (done.status_code !== success) {
      throw new Error(`${method} ${path}: ${done.err}`);
    }

    return metadata;
  };
  const instances = async () => z.array(instance).parse(await call('GET', '/1.0/instances?recursion=1'));

  return {
    instances,
    find: async uid => (await instances()).filter(({config}) => config['user.nexus.uid'] === uid),
    call,
    async state(name, action) {
      await call('PUT', `/1.0/instances/${name}/state`, {action, force: true, timeout: 30});
    },
    async belongings() {
      const lists = await Promise.all(
        ['projects', 'storage-pools', 'networks'].map(kind => call('GET', `/1.0/${kind}`)),
      );
      return lists
        .flatMap(list => z.array(z.string()).parse(list))
        .filter(path => path.includes(installation));
    },
  };
}
