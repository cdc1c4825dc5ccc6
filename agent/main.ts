import type {NodeFacts} from '../api/agent/v1alpha1/messages.ts';
import {notificationFrame} from '../api/agent/v1alpha1/notification-frame.ts';
import {createNodeAgent} from './node-agent.ts';
import {agentHome, ensureAgentHome} from './system/agent-home.ts';
import {arrivalAddress} from './system/arrival.ts';
import {runDaemon} from './system/daemon.ts';
import type {DaemonCommand, DaemonStatus} from './system/daemon-client.ts';
import {connectToDaemon, daemonStatus, stopDaemon} from './system/daemon-client.ts';
import {openLogFile} from './system/log-file.ts';

export type AgentMainOptions = {
  /** `$NEXUS_HOME`. */
  readonly home: string;
  readonly agentVersion: string;
  /** What this program was started from. */
  readonly agentPackage?: NodeFacts['package'];
};

/** The daemon of this home, until SIGTERM or SIGINT. Resolves at once when another one runs. */
export async function runAgentDaemon(options: AgentMainOptions): Promise<void> {
  const {home} = options;
  const paths = agentHome(home);
  const ending = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => ending.abort());
  }
  // Its terminal, if it ever had one, is not its end.
  process.on('SIGHUP', () => {});
  await ensureAgentHome(paths);
  const log = openLogFile(paths.logFile, process.env.NEXUS_LOG_LEVEL);
  process.on('unhandledRejection', error =>
    log.error({error}, 'a promise was rejected and nobody took notice'),
  );
  try {
    await runDaemon({
      home: paths,
      log,
      createAgent: () => createNodeAgent({...options, home: paths, env: process.env, log}),
      signal: ending.signal,
    });
  } catch (error) {
    log.error({error}, 'the agent failed');
    throw error;
  }
}

/**
 * Joins standard input and output with the daemon of this home, which is started by `daemonCommand` when there is none. Resolves when either
 * side has ended. Rejects when the daemon does not come up.
 */
export async function relayAgent({
  home,
  daemonCommand,
}: {
  home: string;
  daemonCommand: DaemonCommand;
}): Promise<void> {
  const socket = await connectToDaemon(agentHome(home), daemonCommand);
  const address = arrivalAddress(process.env);
  if (address !== undefined) {
    socket.write(notificationFrame('relay/arrived', {address}));
  }
  await new Promise<void>(resolve => {
    socket.once('close', () => resolve());
    // The server has gone, in whatever way: what it had asked for is finished by the daemon.
    process.stdin.once('end', () => socket.end());
    process.stdin.once('close', () => socket.destroy());
    process.stdout.once('error', () => socket.destroy());
    socket.once('error', () => socket.destroy());
    process.stdin.pipe(socket, {end: false});
    socket.pipe(process.stdout, {end: false});
  });
  process.stdin.destroy();
}

/** True when one ran. */
export async function stopAgent(home: string): Promise<boolean> {
  return await stopDaemon(agentHome(home));
}

export async function agentStatus(
  home: string,
): Promise<DaemonStatus & {readonly socket: string; readonly logFile: string}> {
  const {socket, logFile} = agentHome(home);
  return {...(await daemonStatus(agentHome(home))), socket, logFile};
}
