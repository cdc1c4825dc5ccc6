import {spawn} from 'node:child_process';
import {closeSync, openSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import type {Socket} from 'node:net';
import {createConnection} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import {z} from 'zod';
import type {AgentHome} from './agent-home.ts';
import {ensureAgentHome, readIfThere} from './agent-home.ts';
import {takeProcessLock} from './process-lock.ts';

const startTimeout = 20_000;
const stopTimeout = 20_000;
const pollInterval = 10;

/** How this very program is started anew, such as `[node, cli/main.ts, agent, --daemon]`. */
export type DaemonCommand = readonly [string, ...string[]];

/** A connection to the daemon, which is started when there is none. Many may do so at once. Rejects, with the end of its log, when it does not come up. */
export async function connectToDaemon(home: AgentHome, command: DaemonCommand): Promise<Socket> {
  const existing = await tryConnect(home.socket);
  if (existing !== undefined) {
    return existing;
  }
  await ensureAgentHome(home);
  const end = startDaemon(home, command);
  const until = Date.now() + startTimeout;
  while (Date.now() < until) {
    await delay(pollInterval);
    const socket = await tryConnect(home.socket);
    if (socket !== undefined) {
      return socket;
    }
    // Status 0 says that another one holds the lock, and is on its way.
    if (end.code !== undefined && end.code !== 0) {
      break;
    }
  }
  const log = (await readIfThere(home.logFile)) ?? '';
  throw new Error(`the agent's daemon did not start: ${lastFault(log)} (see ${home.logFile})`);
}

const faultLine = z.object({
  level: z.number().min(50),
  msg: z.string(),
  error: z.object({message: z.string()}).optional(),
});

/** Why the daemon ended: the last fault that it logged, else the last that it wrote. */
function lastFault(log: string): string {
  const lines = log.trimEnd().split('\n');
  for (const line of lines.toReversed().filter(each => each.startsWith('{"level"'))) {
    const fault = parseFault(line);
    if (fault !== undefined) {
      return fault;
    }
  }
  return lines.slice(-3).join('\n');
}

function parseFault(line: string): string | undefined {
  try {
    const {error, msg} = faultLine.parse(JSON.parse(line));
    return error?.message ?? msg;
  } catch {
    // Another level, or torn.
    return undefined;
  }
}

function startDaemon(home: AgentHome, [program, ...args]: DaemonCommand): {code: number | undefined} {
  const log = openSync(home.logFile, 'a', 0o600);
  try {
    const child = spawn(program, args, {detached: true, stdio: ['ignore', log, log], cwd: '/'});
    const end: {code: number | undefined} = {code: undefined};
    child.on('error', () => {
      end.code = -1;
    });
    child.on('exit', code => {
      end.code = code ?? -1;
    });
    child.unref();
    return end;
  } finally {
    closeSync(log);
  }
}

/** Undefined when no daemon listens there. */
export function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({path, allowHalfOpen: true});
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
        resolve(undefined);
      } else {
        reject(new Error(`${path}: ${error.message}`, {cause: error}));
      }
    });
  });
}

export type DaemonStatus =
  | {readonly running: false}
  | {readonly running: true; readonly pid: number | undefined};

export async function daemonStatus(home: AgentHome): Promise<DaemonStatus> {
  if ((await readIfThere(home.lockFile)) === undefined) {
    return {running: false};
  }
  using lock = takeProcessLock(home.lockFile);
  if (lock !== undefined) {
    return {running: false};
  }
  const pid = Number(await readFile(home.pidFile, 'utf8').catch(() => ''));
  return {running: true, pid: Number.isInteger(pid) && pid > 0 ? pid : undefined};
}

/** Asks the daemon to end and waits until it has, and whichever comes after it. False when none ran. Rejects when it does not end. */
export async function stopDaemon(home: AgentHome): Promise<boolean> {
  const until = Date.now() + stopTimeout;
  /** A daemon that was begun at the same time, and had lost to this one, may serve once this one has ended. */
  let asked: number | undefined;
  for (;;) {
    const status = await daemonStatus(home);
    if (!status.running) {
      return asked !== undefined;
    }
    if (Date.now() > until) {
      throw new Error(`the agent's daemon (pid ${status.pid}) did not end within ${stopTimeout / 1000} s`);
    }
    if (status.pid !== undefined && status.pid !== asked) {
      terminate(status.pid);
      asked = status.pid;
    }
    await delay(pollInterval);
  }
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    // It has ended by itself meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
