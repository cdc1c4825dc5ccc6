import {once} from 'node:events';
import {rmSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import type {Socket} from 'node:net';
import {createServer} from 'node:net';
import {serveJsonRpc} from '../../api/agent/v1alpha1/json-rpc-connection.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Agent} from '../agent.ts';
import type {AgentHome} from './agent-home.ts';
import {ensureAgentHome} from './agent-home.ts';
import {writeFileAtomically} from './atomic-file.ts';
import {takeProcessLock} from './process-lock.ts';

export type DaemonOptions = {
  readonly home: AgentHome;
  readonly log: Logger;
  readonly createAgent: () => Promise<Agent>;
  /** Ends the daemon: ports are closed, instances left as they are. */
  readonly signal: AbortSignal;
};

/** Serves the agent on the home's unix socket until the signal is aborted. Resolves to false at once when another daemon does so already. */
export async function runDaemon({home, log, createAgent, signal}: DaemonOptions): Promise<boolean> {
  await ensureAgentHome(home);
  using lock = takeProcessLock(home.lockFile);
  if (lock === undefined) {
    return false;
  }
  // Whoever left this socket is gone: we hold the lock.
  await rm(home.socket, {force: true});
  await writeFileAtomically(home.pidFile, `${process.pid}\n`);
  await using agent = await createAgent();

  const connections = new Set<Socket>();
  const server = createServer(socket => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    agent.accept(handlers => serveJsonRpc({input: socket, output: socket, log, handlers}));
  });
  const mask = process.umask(0o177);
  try {
    server.listen(home.socket);
    await once(server, 'listening');
  } finally {
    process.umask(mask);
  }
  log.info({socket: home.socket, pid: process.pid}, 'the agent serves');

  if (!signal.aborted) {
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), {once: true}));
  }
  log.info({}, 'the agent stops');
  rmSync(home.socket, {force: true});
  rmSync(home.pidFile, {force: true});
  server.close();
  await agent[Symbol.asyncDispose]();
  for (const socket of connections) {
    socket.destroy();
  }
  return true;
}
