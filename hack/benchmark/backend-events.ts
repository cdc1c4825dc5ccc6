import {z} from 'zod';
import type {Client} from '../../agent/lxd/client.ts';

/** `at` is the backend's own time, in milliseconds since 1970. */
export type BackendEvent = {readonly at: number; readonly what: string; readonly instance: string};

/** What the backend itself tells of its instances, as it happens. */
export type BackendEvents = AsyncDisposable & {
  /**
   * The first event of this instance, since the last {@link forget}, that is one of `what`: a lifecycle event such as `instance-stopped`, or
   * the begin of an operation such as `Starting instance`, or its end, `Starting instance: ended`. Rejects after 60 s.
   */
  first(instance: string, what: readonly string[]): Promise<BackendEvent>;
  /** As `first`, or nothing if it has not been told yet. */
  seen(instance: string, what: readonly string[]): BackendEvent | undefined;
  forget(): void;
};

const message = z.object({
  type: z.string(),
  timestamp: z.string(),
  metadata: z.object({
    action: z.string().optional(),
    source: z.string().optional(),
    description: z.string().optional(),
    status_code: z.number().optional(),
    resources: z.record(z.string(), z.array(z.string()).nullable()).nullish(),
  }),
});

const patience = 60_000;

export async function followBackend(client: Client, project: string): Promise<BackendEvents> {
  const socket = await client.websocket(`/1.0/events?type=lifecycle,operation&project=${project}`);
  let heard: BackendEvent[] = [];
  const listeners = new Set<() => void>();
  socket.on('message', data => {
    const {type, timestamp, metadata} = message.parse(JSON.parse(String(data)));
    const {action, description, status_code: status = 0} = metadata;
    const what = type === 'lifecycle' ? action : status < 200 ? description : `${description}: ended`;
    const paths =
      type === 'lifecycle'
        ? [metadata.source ?? '']
        : Object.values(metadata.resources ?? {}).flatMap(found => found ?? []);
    const at = Date.parse(timestamp);
    heard.push(...paths.map(path => ({at, what: what ?? '', instance: nameIn(path)})));
    for (const listener of [...listeners]) {
      listener();
    }
  });
  socket.resume();

  const seen = (instance: string, what: readonly string[]) =>
    heard.find(event => event.instance === instance && what.includes(event.what));
  return {
    seen,
    async first(instance, what) {
      const {promise, resolve, reject} = Promise.withResolvers<BackendEvent>();
      const look = () => {
        const found = seen(instance, what);
        if (found !== undefined) {
          resolve(found);
        }
      };
      const timer = setTimeout(
        () => reject(new Error(`the backend has not told ${what.join(' or ')} of ${instance}`)),
        patience,
      );
      listeners.add(look);
      look();
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        listeners.delete(look);
      }
    },
    forget() {
      heard = [];
    },
    async [Symbol.asyncDispose]() {
      socket.terminate();
    },
  };
}

/** The last part of `/1.0/instances/<name>`, without the query. */
function nameIn(path: string): string {
  return path.replace(/\?.*$/, '').split('/').at(-1) ?? '';
}
