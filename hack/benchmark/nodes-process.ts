/** Prints what it costs a server to be connected to so many nodes, as one line of JSON: {@link NodesCosts}. */

import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import type {Socket} from 'node:net';
import {createConnection} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Registry} from 'prom-client';
import {createJsonRpcConnection} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import {systemClock} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {openSqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {endlessTerm} from '../../api/storage/term.ts';
import {apiVersion} from '../../api/v1alpha1/metadata.ts';
import {node} from '../../api/v1alpha1/node.ts';
import {createControllerMetrics} from '../../controller/metrics.ts';
import {runController} from '../../controller/run.ts';
import {startChild} from './child.ts';
import {settled} from './simulated-store.ts';

export type NodesCosts = {
  /** From the start of the controller until all are connected, and what this took of one processor. */
  readonly connected: {readonly seconds: number; readonly cpuSeconds: number};
  /** Connected, with nothing but heartbeats. */
  readonly idle: {
    readonly cpuShare: number;
    /** Processor time for one heartbeat. */
    readonly cpuMillisecondsOfHeartbeat: number;
    readonly writes: number;
    /** Of the JavaScript heap that a connection and what is known over it hold. */
    readonly bytes: number;
    readonly residentBytes: number;
  };
  /** All connections were cut at once. */
  readonly storm: {
    readonly seconds: number;
    readonly cpuSeconds: number;
    readonly writes: number;
    readonly residentBytes: number;
  };
};

const count = Number(process.argv[2]);
const instances = Number(process.argv[3]);
const idleSeconds = Number(process.argv[4]);
const folder = await mkdtemp(path.join(tmpdir(), 'nexus-bench-'));
try {
  console.log(JSON.stringify(await measure()));
} finally {
  await rm(folder, {recursive: true, force: true});
}

async function measure(): Promise<NodesCosts> {
  await using _agents = await startChild('agents-process.ts', folder, String(count), String(instances));
  await using storage = await openSqliteStorage({
    path: path.join(folder, 'nexus.sqlite'),
    clock: systemClock,
    random: systemRandom,
  });
  const names = Array.from({length: count}, (_, number) => `node-${number}`);
  for (const name of names) {
    await storage.create(
      'Node',
      node.parse({apiVersion, kind: 'Node', metadata: {name}, spec: {local: true}}),
    );
  }

  const sockets = new Set<Socket>();
  let writes = 0;
  let heartbeats = 0;
  const heapBefore = await usedHeap();
  const start = performance.now();
  let cpu = process.cpuUsage();
  const controller = runController(
    {
      storage: {
        ...storage,
        async updateStatus(...args) {
          writes += 1;
          return await storage.updateStatus(...args);
        },
      },
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics: createControllerMetrics(new Registry(), systemClock),
      term: endlessTerm(await storage.beginEpoch()),
      installation: 'abc123',
      credentials: {forRepository: async () => undefined},
      bundles: {open: () => Promise.reject(new Error('there are no bundles'))},
      async connect({metadata}, signal) {
        const socket = createConnection(path.join(folder, `${metadata.name}.sock`));
        await once(socket, 'connect', {signal});
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        const connection = createJsonRpcConnection({input: socket, output: socket, log: silentLogger});
        connection.on('heartbeat', () => {
          heartbeats += 1;
        });
        return connection;
      },
    },
    new AbortController().signal,
  );
  await using _controller = controller;
  const allConnected = () => names.every(name => controller.agents.view(name)?.connected === true);
  const spent = () => {
    const {user, system} = process.cpuUsage(cpu);
    return (user + system) / 1e6;
  };
  await settled(allConnected);
  const connected = {seconds: (performance.now() - start) / 1000, cpuSeconds: spent()};

  // What connecting brought about is over.
  await systemClock.sleep(5000);
  const bytes = ((await usedHeap()) - heapBefore) / count;
  [writes, heartbeats, cpu] = [0, 0, process.cpuUsage()];
  await systemClock.sleep(idleSeconds * 1000);
  const idleCpu = spent();
  const idle = {
    cpuShare: idleCpu / idleSeconds,
    cpuMillisecondsOfHeartbeat: (idleCpu * 1000) / Math.max(1, heartbeats),
    writes,
    bytes,
    residentBytes: process.memoryUsage.rss(),
  };

  [writes, cpu] = [0, process.cpuUsage()];
  const cut = performance.now();
  let peak = 0;
  const old = [...sockets];
  for (const socket of old) {
    socket.destroy();
  }
  await settled(() => !allConnected());
  await settled(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
    return allConnected();
  });
  const storm = {
    seconds: (performance.now() - cut) / 1000,
    cpuSeconds: spent(),
    writes,
    residentBytes: peak,
  };
  return {connected, idle, storm};
}

/** Bytes, once what is no longer needed is gone. Needs `--expose-gc`. */
async function usedHeap(): Promise<number> {
  await systemClock.sleep(200);
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
