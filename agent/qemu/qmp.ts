import {once} from 'node:events';
import {open} from 'node:fs/promises';
import type {Socket} from 'node:net';
import {createConnection} from 'node:net';
import {z} from 'zod';
import type {Clock} from '../../api/effects/clock.ts';
import {DriverError} from '../driver.ts';

/** A connection to one running QEMU, by its machine protocol. */
export type Qmp = AsyncDisposable & {
  /** Answers what the command returned. Throws DriverError: CommandFailed with QEMU's own words, BackendUnavailable once it has ended. */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  onEvent(listener: (name: string) => void): Disposable;
  /** Resolves once the connection has ended, which it does when QEMU does. */
  readonly closed: Promise<void>;
};

export type QmpOptions = {
  /** The folder of the socket: its whole path may be longer than what the system takes for one. */
  readonly folder: string;
  readonly socket: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
};

const message = z.union([
  z.object({QMP: z.unknown()}).transform(() => ({kind: 'greeting' as const})),
  z.object({event: z.string()}).transform(({event}) => ({kind: 'event' as const, event})),
  z
    .object({id: z.int(), return: z.unknown()})
    .transform(({id, return: result}) => ({kind: 'return' as const, id, result})),
  z
    .object({id: z.int(), error: z.object({desc: z.string()})})
    .transform(({id, error}) => ({kind: 'error' as const, id, reason: error.desc})),
]);

/** Milliseconds for an answer. QEMU answers at once; one that is stopped by a signal never does. */
const patience = 10_000;

/** Characters of a line; what is longer is no answer to anything asked for. */
const longestLine = 2 ** 20;

/** Connects and negotiates. Throws DriverError: BackendUnavailable when nobody listens, TimedOut once the signal is aborted or nothing is answered. */
export async function connectQmp({folder, socket, clock, signal}: QmpOptions): Promise<Qmp> {
  const connection = await connect(folder, socket, signal);
  const pending = new Map<number, {resolve(result: unknown): void; reject(error: Error): void}>();
  const listeners = new Set<(name: string) => void>();
  const greeted = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let lastId = 0;
  greeted.promise.catch(() => {});

  const receive = (line: string) => {
    const parsed = message.safeParse(parseJson(line));
    if (!parsed.success) return;
    const {data} = parsed;
    if (data.kind === 'greeting') greeted.resolve();
    else if (data.kind === 'event') for (const listener of listeners) listener(data.event);
    else if (data.kind === 'return') pending.get(data.id)?.resolve(data.result);
    else pending.get(data.id)?.reject(new DriverError('CommandFailed', `QEMU refused: ${data.reason}`));
  };

  let rest = '';
  connection.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) connection.destroy();
    lines.forEach(receive);
  });
  connection.on('error', () => {});
  connection.once('close', () => {
    const error = new DriverError('BackendUnavailable', 'the machine has ended');
    greeted.reject(error);
    for (const {reject} of pending.values()) reject(error);
    closed.resolve();
  });

  const timed = async <T>(answer: Promise<T>, what: string): Promise<T> => {
    const late = Promise.withResolvers<never>();
    const onAbort = () =>
      late.reject(new DriverError('TimedOut', `${what} was given up`, {cause: signal?.reason}));
    signal?.addEventListener('abort', onAbort, {once: true});
    using _ = clock.schedule(patience, () =>
      late.reject(new DriverError('TimedOut', `QEMU does not answer to ${what}`)),
    );
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  };

  const execute: Qmp['execute'] = async (command, args) => {
    if (connection.destroyed) throw new DriverError('BackendUnavailable', 'the machine has ended');
    lastId += 1;
    const id = lastId;
    const {promise, resolve, reject} = Promise.withResolvers<unknown>();
    promise.catch(() => {});
    pending.set(id, {resolve, reject});
    connection.write(`${JSON.stringify({execute: command, id, ...(args && {arguments: args})})}\n`);
    try {
      return await timed(promise, command);
    } finally {
      pending.delete(id);
    }
  };

  try {
    await timed(greeted.promise, 'a connection');
    await execute('qmp_capabilities');
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return {
    execute,
    closed: closed.promise,
    onEvent(listener) {
      listeners.add(listener);
      return {[Symbol.dispose]: () => void listeners.delete(listener)};
    },
    async [Symbol.asyncDispose]() {
      connection.destroy();
      await closed.promise;
    },
  };
}

/** By way of the folder's descriptor, which makes any path short. */
async function connect(folder: string, name: string, signal: AbortSignal | undefined): Promise<Socket> {
  try {
    await using directory = await open(folder, 'r');
    const socket = createConnection({path: `/proc/self/fd/${directory.fd}/${name}`});
    await once(socket, 'connect', signal === undefined ? {} : {signal});
    return socket;
  } catch (error) {
    const code = signal?.aborted ? 'TimedOut' : 'BackendUnavailable';
    throw new DriverError(code, 'QEMU can not be reached', {cause: error});
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
