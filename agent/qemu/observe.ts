import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import type {DriverInstance} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {machinePorts} from './command.ts';
import type {Machine} from './machine-folders.ts';
import type {MachineProcess} from './machine-process.ts';
import {findProcess, readResources, startTime} from './machine-process.ts';
import type {MachineRecord} from './machine-record.ts';
import type {Monitors} from './monitors.ts';
import {machineFiles} from './paths.ts';

const runStatus = z.object({status: z.string()});

/** Of what QEMU calls them. A machine that waits for space on the node's disk goes on, like one that was paused, once it is told to. */
const states: Readonly<Record<string, DriverInstance['state']>> = {
  running: 'Running',
  paused: 'Frozen',
  suspended: 'Frozen',
  'io-error': 'Frozen',
  prelaunch: 'Starting',
  shutdown: 'Stopping',
  'guest-panicked': 'Error',
  'internal-error': 'Error',
};

export type Observed = {readonly instance: DriverInstance; readonly process: MachineProcess | undefined};

/** Looks at a machine and its process. */
export async function observeMachine(machine: Machine, monitors: Monitors): Promise<Observed> {
  const {record, name, folder} = machine;
  const process = await findProcess(folder);
  const state = process === undefined ? 'Stopped' : await stateOf(machine, process, monitors);
  const started = await stat(join(folder, machineFiles.started)).catch(() => undefined);
  const instance: DriverInstance = {
    uid: record.uid,
    name,
    state,
    specHash: record.specHash,
    address: record.address,
    sshPort: machinePorts.ssh,
    hostKey: record.hostKey.publicKey,
    limits: record.limits,
    hasRun: process !== undefined || started !== undefined || record.moved === true,
    ...(started === undefined ? {} : {lastStartedAt: started.mtime.toISOString()}),
    ...(record.incoming === undefined ? {} : {incoming: {...record.incoming, complete: true}}),
    needsProvisioning: false,
    ...(process !== undefined && (await isPending(process, record)) ? {limitsPending: true} : {}),
    ...(record.retired === undefined ? {} : {retired: record.retired}),
    ...(process === undefined || state === 'Stopped' ? {} : {startedAt: await startTime(process)}),
  };
  return {instance, process: state === 'Stopped' ? undefined : process};
}

async function isPending(process: MachineProcess, {limits}: MachineRecord): Promise<boolean> {
  const resources = await readResources(process);
  if (resources === undefined) return false;

  const memory = Math.floor(limits.memory / 2 ** 20) * 2 ** 20;
  return resources.cpus !== limits.cpus || resources.memory !== memory;
}

async function stateOf(
  machine: Machine,
  process: MachineProcess,
  monitors: Monitors,
): Promise<DriverInstance['state']> {
  // It would not answer.
  if (process.isHalted) return 'Frozen';

  try {
    const qmp = await monitors.of(machine);
    const {status} = runStatus.parse(await qmp.execute('query-status'));
    return states[status] ?? 'Error';
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    const now = await findProcess(machine.folder);
    if (now === undefined) return 'Stopped';
    if (now.isHalted) return 'Frozen';
    // It is just beginning; or its monitor is somebody else's, or slow. What could be wrong with it inside is seen there.
    return error.code === 'TimedOut' ? 'Running' : 'Starting';
  }
}
