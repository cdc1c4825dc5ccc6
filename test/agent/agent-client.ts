import {setTimeout as delay} from 'node:timers/promises';
import type {AgentStream} from '../../api/agent/v1alpha1/agent-stream.ts';
import type {AgentConnection} from '../../api/agent/v1alpha1/connection.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {StreamMultiplexer} from '../../api/agent/v1alpha1/stream-multiplexer.ts';
import {createStreamMultiplexer} from '../../api/agent/v1alpha1/stream-multiplexer.ts';

/** A controller's view of one instance, for tests. */
export type AgentClient = {
  readonly connection: AgentConnection;
  readonly streams: StreamMultiplexer;
  /** The instance as last told, once it is as it should be. Rejects, with how it is, after `limit` milliseconds. */
  until(what: (instance: Instance) => boolean, limit?: number): Promise<Instance>;
  /** Runs a command in it to its end. */
  exec(command: readonly string[], options?: {user?: string; input?: string}): Promise<Output>;
};

export type Output = {
  readonly exitCode: number | undefined;
  readonly output: string;
  readonly errorOutput: string;
};

export function createAgentClient(connection: AgentConnection, uid: string): AgentClient {
  const streams = createStreamMultiplexer(connection);
  let last: Instance | undefined;
  let changed = Promise.withResolvers<void>();
  connection.on('instance/changed', instance => {
    if (instance.uid === uid) {
      last = instance;
      changed.resolve();
      changed = Promise.withResolvers();
    }
  });

  return {
    connection,
    streams,

    async until(what, limit = 30_000) {
      const late = new AbortController();
      const lateness = delay(limit, 'late', {signal: late.signal});
      lateness.catch(() => {});
      try {
        last ??= (await connection.request('instance/list', {})).instances.find(
          instance => instance.uid === uid,
        );
        while (last === undefined || !what(last)) {
          if ((await Promise.race([changed.promise, lateness])) === 'late') {
            throw new Error(`after ${limit} ms it still is ${JSON.stringify(last)}`);
          }
        }
        return last;
      } finally {
        late.abort();
      }
    },

    async exec(command, {user = 'dev', input = ''} = {}) {
      const stream = await streams.open(id =>
        connection.request('exec/start', {uid, stream: id, command: [...command], user, env: {}}),
      );
      stream.input.end(input);
      return await outputOf(stream);
    },
  };
}

export async function outputOf(stream: AgentStream): Promise<Output> {
  const [output, errorOutput, {exitCode}] = await Promise.all([
    textOf(stream.output),
    textOf(stream.errorOutput),
    stream.finished,
  ]);
  return {exitCode, output, errorOutput};
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
