import {spawn} from 'node:child_process';
import {readdir, readFile, readlink, realpath} from 'node:fs/promises';
import {join} from 'node:path';
import type {Clock} from '../../api/effects/clock.ts';
import {DriverError} from '../driver.ts';
import {isMissing} from './machine-folders.ts';
import {machineFiles} from './paths.ts';

/** A QEMU that runs in a machine's folder. Ids of processes are used again: with its start it is one and no other. */
export type MachineProcess = {
  readonly id: number;
  /** Clock ticks since the node booted. */
  readonly start: number;
  /** Whether somebody has stopped it by a signal. */
  readonly isHalted: boolean;
};

/** Clock ticks in a second, in which Linux counts for programs on every architecture. */
const ticks = 100;

const interval = 20;

/** The QEMU of this folder, whoever began it; undefined when none runs. */
export async function findProcess(path: string): Promise<MachineProcess | undefined> {
  const folder = await realpath(path).catch(() => path);
  const noted = Number(await readText(join(folder, machineFiles.processId)));
  const byNote = Number.isInteger(noted) && noted > 0 ? await processIn(folder, noted) : undefined;
  return byNote ?? (await search(folder));
}

/** Without the file that QEMU notes its id in: somebody may have removed it, and it is written a moment after the beginning. */
async function search(folder: string): Promise<MachineProcess | undefined> {
  const ids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(ids.map(id => processIn(folder, id)));
  return found.find(each => each !== undefined);
}

async function processIn(folder: string, id: number): Promise<MachineProcess | undefined> {
  try {
    if ((await readlink(`/proc/${id}/cwd`)) !== folder) return undefined;
    const [program = ''] = (await readFile(`/proc/${id}/cmdline`, 'utf8')).split('\0');
    return /qemu-system/.test(program) ? await processOf(id) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined once it has ended. */
export async function processOf(id: number): Promise<MachineProcess | undefined> {
  const stat = await readText(`/proc/${id}/stat`);
  // Its name may hold spaces and brackets; what follows the last bracket is the state, and 19 fields on the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = fields;
  const start = Number(fields[19]);
  if (!stat || state === 'Z' || state === 'X') return undefined;
  return {id, start, isHalted: state === 'T' || state === 't'};
}

/** When it was begun, RFC 3339: the same for everybody who asks. */
export async function startTime({start}: MachineProcess): Promise<string> {
  const booted = /^btime (\d+)$/m.exec(await readText('/proc/stat'))?.[1];
  return new Date(Number(booted) * 1000 + (start / ticks) * 1000).toISOString();
}

/** What it was begun with, whatever its machine's record says by now. */
export async function readResources({
  id,
}: MachineProcess): Promise<{cpus: number; memory: number} | undefined> {
  const words = (await readText(`/proc/${id}/cmdline`)).split('\0');
  const after = (option: string) => words[words.indexOf(option) + 1] ?? '';
  const mebibytes = Number(/^size=(\d+)M$/.exec(after('-m'))?.[1]);
  const cpus = Number(after('-smp'));
  return Number.isNaN(mebibytes) || Number.isNaN(cpus) ? undefined : {cpus, memory: mebibytes * 2 ** 20};
}

export function signalProcess({id}: MachineProcess, signal: 'SIGKILL' | 'SIGCONT'): void {
  try {
    process.kill(id, signal);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ESRCH') return;
    throw new DriverError('PermissionDenied', `process ${id} can't be sent ${signal}`, {cause: error});
  }
}

/** Resolves once it has ended; rejects with TimedOut after so many milliseconds, or once the signal is aborted. */
export async function ended(
  {id, start}: MachineProcess,
  {clock, timeout, signal}: {clock: Clock; timeout: number; signal?: AbortSignal | undefined},
): Promise<void> {
  const until = clock.now() + timeout;
  while ((await processOf(id))?.start === start) {
    if (clock.now() >= until) throw new DriverError('TimedOut', `process ${id} goes on`);
    await clock.sleep(interval, signal).catch((cause: unknown) => {
      throw new DriverError('TimedOut', 'waiting for its end was given up', {cause});
    });
  }
}

export type BeginOptions = {
  readonly folder: string;
  readonly command: readonly string[];
  /** Resolves once QEMU answers; asked again while it rejects and QEMU goes on. */
  readonly answers: () => Promise<void>;
  readonly clock: Clock;
};

/** Milliseconds in which QEMU must answer, on a machine that has a lot else to do. */
const beginning = 60_000;

/**
 * Begins QEMU in the machine's folder, in a session of its own, so that it outlives whoever asked for it. Resolves once it answers; throws
 * DriverError with what it said when it ends before that.
 */
export async function beginProcess({folder, command, answers, clock}: BeginOptions): Promise<void> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Nothing of the agent's own.
    env: {PATH: process.env.PATH ?? '', LANG: 'C'},
  });
  const over = Promise.withResolvers<DriverError>();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  child.once('error', cause =>
    over.resolve(new DriverError('BackendUnavailable', `${program} can't be run`, {cause})),
  );
  child.once('close', () => over.resolve(startFailure(said.trim())));

  const until = clock.now() + beginning;
  for (;;) {
    const failure = await Promise.race([
      over.promise,
      answers().then(
        () => undefined,
        async () => {
          await clock.sleep(interval);
          return 'notYet' as const;
        },
      ),
    ]);
    if (failure === undefined) break;
    if (failure instanceof DriverError) throw failure;
    if (clock.now() >= until) {
      child.kill('SIGKILL');
      throw new DriverError('TimedOut', `QEMU does not answer; it said: ${said.trim() || 'nothing'}`);
    }
  }
  // From here on it is on its own. What it may yet say is for nobody: a guest could make it say very much.
  child.stderr.destroy();
  child.unref();
}

function startFailure(said: string): DriverError {
  if (/no space left/i.test(said)) return new DriverError('NoSpace', `QEMU did not start: ${said}`);
  if (/cannot (?:set up guest memory|allocate)/i.test(said)) {
    return new DriverError('NoSpace', `the node has not enough memory: ${said}`);
  }
  if (/lock/i.test(said)) return new DriverError('NotPermittedNow', `another QEMU has its disk: ${said}`);
  return new DriverError('Internal', `QEMU did not start: ${said}`);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'ESRCH')) return '';
    throw error;
  }
}
