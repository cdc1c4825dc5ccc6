import type {Readable, Writable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import type {ServedStream} from '../../api/agent/v1alpha1/served-stream.ts';
import type {StreamMultiplexer} from '../../api/agent/v1alpha1/stream-multiplexer.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Dial} from '../forwards/dial.ts';
import type {Guest} from '../guest/guest.ts';
import type {Doors} from '../instances/doors.ts';
import type {Fence} from '../instances/operations.ts';
import {toAgentError} from '../instances/operations.ts';
import type {Registry} from '../instances/registry.ts';
import type {Moves} from '../moves/moves.ts';
import type {BundleCache} from '../repository/bundle-cache.ts';

/** The streams of one connection. Each call resolves once the stream flows; how it ends is told on the stream. Rejects with AgentError. */
export type Streams = {
  exec(params: Params<'exec/start'>): Promise<void>;
  logs(params: Params<'logs/start'>): Promise<void>;
  tunnel(params: Params<'tunnel/open'>): Promise<void>;
  putBundle(params: Params<'bundle/put'>): Promise<void>;
  exportInstance(params: Params<'instance/export'>, fence: Fence): Promise<void>;
  importInstance(params: Params<'instance/import'>, fence: Fence): Promise<void>;
};

export type StreamsOptions = {
  readonly registry: Registry;
  readonly guest: Guest;
  readonly dial: Dial;
  readonly doors: Doors;
  readonly bundles: BundleCache;
  readonly moves: Moves;
  readonly multiplexer: StreamMultiplexer;
  readonly log: Logger;
};

export function createStreams(options: StreamsOptions): Streams {
  const {registry, guest, dial, doors, bundles, moves, multiplexer, log} = options;

  /** Accepts the stream, prepares what it is joined with, and leaves the rest to the background. */
  const serve = async <T>(
    id: number,
    prepare: (stream: ServedStream) => Promise<T>,
    run: (stream: ServedStream, prepared: T) => Promise<{exitCode?: number}>,
  ) => {
    const stream = multiplexer.accept(id);
    let prepared: T;
    try {
      prepared = await prepare(stream);
    } catch (error) {
      const reason = toAgentError(error);
      await stream.close({error: reason.message});
      throw reason;
    }
    run(stream, prepared).then(
      end => stream.close(end),
      (error: unknown) => {
        log.debug({error}, 'a stream failed');
        return stream.close({error: error instanceof Error ? error.message : String(error)});
      },
    );
  };

  return {
    async exec({uid, stream: id, command, user, directory, env, tty}) {
      const entry = registry.existing(uid);
      const driver = registry.driverOf(entry.record.provider);
      const shut = doors.pass(uid);
      const declared = entry.record.services?.env ?? entry.record.spec?.env;
      await serve(
        id,
        stream =>
          doors.enter(uid, entering =>
            driver.exec(uid, {
              command,
              user,
              env: {...(user === 'dev' ? declared : {}), ...env},
              // What dev has running is given the time to end that everything in it gets; what is only being begun is not.
              signal: AbortSignal.any([stream.aborted, user === 'dev' ? entering : shut]),
              ...(directory === undefined ? {} : {directory}),
              ...(tty === undefined ? {} : {tty}),
            }),
          ),
        async (stream, process) => {
          stream.onResize((columns, rows) => process.resize(columns, rows));
          void pass(stream.input, process.stdin);
          const [exitCode] = await Promise.all([
            process.exitCode,
            pass(process.stdout, stream.output),
            pass(process.stderr, stream.errorOutput),
          ]);
          return {exitCode};
        },
      );
    },

    async logs({uid, stream: id, source, follow, tail}) {
      const entry = registry.existing(uid);
      if (source.type === 'service' && !entry.services.some(({name}) => name === source.name)) {
        const names = entry.services.map(({name}) => name).join(', ') || 'none';
        throw new AgentError('NotFound', `there is no service ${source.name} (there are: ${names})`);
      }
      await serve(
        id,
        stream =>
          guest.logs(uid, {source, follow, signal: stream.aborted, ...(tail === undefined ? {} : {tail})}),
        async (stream, output) => {
          await pipeline(output, stream.output);
          return {};
        },
      );
    },

    async tunnel({uid, stream: id, port}) {
      registry.existing(uid);
      await serve(
        id,
        stream => dial(uid, port, stream.aborted),
        async (stream, socket) => {
          stream.aborted.addEventListener('abort', () => socket.destroy(), {once: true});
          await Promise.all([pass(stream.input, socket), pass(socket, stream.output)]);
          return {};
        },
      );
    },

    async putBundle({stream: id, digest, size}) {
      await serve(
        id,
        async () => undefined,
        async stream => {
          await bundles.put(digest, stream.input, {size, signal: stream.aborted});
          return {};
        },
      );
    },

    async exportInstance({stream: id, ...target}, fence) {
      await serve(
        id,
        () => moves.export(target, fence),
        async (stream, send) => {
          await send(stream.output, stream.aborted);
          return {};
        },
      );
    },

    async importInstance({stream: id, ...target}, fence) {
      await serve(
        id,
        () => moves.import(target, fence),
        async (stream, receive) => {
          await receive(stream.input, stream.aborted);
          return {};
        },
      );
    },
  };
}

/** Copies to the end; an end that broke is the business of whoever waits for what it was part of. */
async function pass(from: Readable, to: Writable): Promise<void> {
  await pipeline(from, to).catch(() => {
    from.resume();
  });
}
