import {once} from 'node:events';
import type {Socket} from 'node:net';
import {createServer} from 'node:net';
import path from 'node:path';
import {PassThrough, Readable} from 'node:stream';
import {createAgent} from '../../../../../agent/agent.ts';
import {createListenAddress} from '../../../../../agent/forwards/listen-address.ts';
import {createMemoryRecordStore} from '../../../../../agent/instances/record-store.ts';
import {RefusedError} from '../../../../../agent/probe.ts';
import {serveJsonRpc} from '../../../../../api/agent/v1alpha1/json-rpc-connection.ts';
import {systemClock} from '../../../../../api/effects/clock.ts';
import {silentLogger} from '../../../../../api/effects/logger.ts';
import {systemRandom} from '../../../../../api/effects/random.ts';
import {createInside, guestOf} from '../../../../agent/agent-harness.ts';
import type {FakeDriver} from '../../../../fakes/fake-driver.ts';
import {createFakeDriver} from '../../../../fakes/fake-driver.ts';

/** One connection of a server, and what went over it as text. */
export type Gate = {
  asked(): string;
  answered(): string;
  /** From now on nothing that the server sends arrives. */
  hold(): void;
  /** All of that arrives, in order. */
  release(): void;
};

export type GatedAgent = AsyncDisposable & {
  /** Connects to it, on its standard streams: for `spec.agentCommand` of its Node. */
  readonly command: readonly [string, ...string[]];
  readonly driver: FakeDriver;
  /** Of all connections there were. */
  readonly gates: readonly Gate[];
  /** By uid: how often the backend was asked to create it. */
  readonly creations: ReadonlyMap<string, number>;
};

/** A node of its own: the agent as it is, on a driver in memory, at a unix socket in `folder` where a test can hold up what comes. */
export async function startGatedAgent(folder: string, installation: string): Promise<GatedAgent> {
  const creations = new Map<string, number>();
  const fake = createFakeDriver({clock: systemClock});
  const driver: FakeDriver = {
    ...fake,
    async create(request, signal) {
      creations.set(request.spec.uid, (creations.get(request.spec.uid) ?? 0) + 1);
      return await fake.create(request, signal);
    },
  };
  let epoch = 0;
  let keys = 0;
  const agent = await createAgent({
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    installation,
    agentVersion: '1.2.3',
    drivers: [driver],
    createGuest: () => guestOf(createInside()),
    probe: {async ssh() {}, async tcp() {}, http: async () => 200},
    async connect() {
      throw new RefusedError('nothing listens');
    },
    listenAddress: await createListenAddress({
      configured: '127.0.0.1',
      store: {load: async () => undefined, async save() {}},
    }),
    ports: {listen: async port => ({port, async [Symbol.asyncDispose]() {}})},
    records: createMemoryRecordStore(),
    epochs: {
      load: async () => epoch,
      async save(next) {
        epoch = next;
      },
    },
    bundles: {has: async () => false, put: async () => {}, open: async () => Readable.from([])},
    hostKeys() {
      keys += 1;
      return {privateKey: 'private', publicKey: `ssh-ed25519 KEY${keys}`};
    },
    machine: {bootId: async () => 'boot', listeningPorts: async () => []},
  });

  const gates: Gate[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    const {gate, input, output} = createGate(socket);
    gates.push(gate);
    agent.accept(handlers => serveJsonRpc({input, output, log: silentLogger, handlers}));
  });
  const address = path.join(folder, 'agent.sock');
  server.listen(address);
  await once(server, 'listening');
  return {
    command: [process.execPath, path.join(import.meta.dirname, 'relay.ts'), address],
    driver,
    gates,
    creations,
    async [Symbol.asyncDispose]() {
      server.close();
      await agent[Symbol.asyncDispose]();
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
}

function createGate(socket: Socket) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let asked = '';
  let answered = '';
  /** What has come and is held up; undefined while nothing is. */
  let held: Buffer[] | undefined;
  let ended = false;
  socket.on('data', (chunk: Buffer) => {
    asked += chunk.toString('latin1');
    if (held === undefined) {
      input.write(chunk);
    } else {
      held.push(chunk);
    }
  });
  const end = () => {
    ended = true;
    if (held === undefined) {
      input.end();
    }
  };
  socket.on('end', end).on('close', end).on('error', end);
  output.on('data', (chunk: Buffer) => {
    answered += chunk.toString('latin1');
    if (!socket.destroyed) {
      socket.write(chunk);
    }
  });
  const gate: Gate = {
    asked: () => asked,
    answered: () => answered,
    hold() {
      held ??= [];
    },
    release() {
      for (const chunk of held ?? []) {
        input.write(chunk);
      }

      held = undefined;
      if (ended) {
        input.end();
      }
    },
  };
  return {gate, input, output};
}
