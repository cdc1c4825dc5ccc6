import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Clock} from '../../api/effects/clock.ts';
import type {Driver, DriverInstance} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Accelerator} from './accelerator.ts';
import {bootOf} from './boot.ts';
import {qemuCommand} from './command.ts';
import type {Guard} from './guard.ts';
import type {Image, Images} from './images.ts';
import {imageFiles} from './images.ts';
import type {Machine, MachineFolders} from './machine-folders.ts';
import {wrapped} from './machine-folders.ts';
import type {MachineProcess} from './machine-process.ts';
import {beginProcess, ended, signalProcess} from './machine-process.ts';
import type {Monitors} from './monitors.ts';
import {observeMachine} from './observe.ts';
import {machineFiles} from './paths.ts';
import {initrdWithSeed} from './seed.ts';

export type LifecycleOptions = {
  readonly program: string;
  readonly isRoot: boolean;
  readonly folders: MachineFolders;
  readonly images: Images;
  readonly monitors: Monitors;
  readonly guard: Guard;
  readonly accelerator: (image: Image) => Promise<Accelerator>;
  readonly clock: Clock;
};

export type Lifecycle = Pick<Driver, 'start' | 'stop' | 'unfreeze' | 'rename' | 'delete'>;

/** Milliseconds until a machine that was asked to shut down is asked again: one that still boots does not hear it. */
const firstPatience = 1000;
const longestPatience = 8000;

/** Milliseconds in which QEMU ends by itself, having written all that it holds, and in which the system removes what was killed. */
const quitPatience = 5000;
const killPatience = 10_000;

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const {program, isRoot, folders, images, monitors, guard, accelerator, clock} = options;

  async function begin(machine: Machine): Promise<void> {
    const {folder, record} = machine;
    const boot = await bootOf(machine, images);
    const initrd = join(folder, machineFiles.initrd);
    try {
      const seeded = initrdWithSeed(await readFile(join(boot.folder, imageFiles.initrd)), record);
      await writeFile(initrd, seeded, {mode: 0o600});
    } catch (error) {
      throw wrapped(error, `${initrd} can't be written`);
    }
    const command = qemuCommand({
      program,
      record,
      image: boot.folder,
      accelerator: boot.tried === undefined ? 'tcg' : await accelerator(boot.tried),
      guarded: await guard.ensure(),
      asRoot: isRoot,
    });
    const answers = async () => void (await (await monitors.of(machine)).execute('query-status'));
    await beginProcess({folder, command, answers, clock});
  }

  /** Whether it was paused by its monitor, by a signal, or by both. */
  async function resume(machine: Machine, process: MachineProcess): Promise<void> {
    signalProcess(process, 'SIGCONT');
    const qmp = await monitors.of(machine);
    await qmp.execute('cont');
  }

  async function kill(machine: Machine, process: MachineProcess): Promise<void> {
    if (!process.isHalted) {
      // Its own way keeps the disk without leaks.
      const asked = monitors.of(machine).then(qmp => qmp.execute('quit'));
      asked.catch(() => {});
      const gone = await ended(process, {clock, timeout: quitPatience}).then(
        () => true,
        () => false,
      );
      if (gone) return;
    }
    signalProcess(process, 'SIGKILL');
    await ended(process, {clock, timeout: killPatience});
  }

  async function stopOrderly(
    machine: Machine,
    {process, state}: {process: MachineProcess; state: DriverInstance['state']},
    {timeout, signal}: {timeout: number; signal: AbortSignal | undefined},
  ): Promise<void> {
    // What is frozen can't shut itself down.
    if (state === 'Frozen') await resume(machine, process);
    let left = timeout;
    for (let patience = firstPatience; left > 0; patience = Math.min(patience * 2, longestPatience)) {
      const share = Math.min(patience, left);
      try {
        const qmp = await monitors.of(machine);
        await qmp.execute('system_powerdown');
        await ended(process, {clock, timeout: share, signal});
        return;
      } catch (error) {
        if (signal?.aborted) throw error;
        if (!(error instanceof DriverError)) throw error;
        if (error.code === 'BackendUnavailable') break;
        left -= share;
      }
    }
    await kill(machine, process);
  }

  return {
    async start(uid, signal) {
      const machine = await folders.need(uid);
      giveUp(signal);
      const {instance, process} = await observeMachine(machine, monitors);
      giveUp(signal);
      if (process === undefined) await begin(machine);
      else if (instance.state === 'Frozen') await resume(machine, process);
      else if (instance.state === 'Error') {
        await kill(machine, process);
        await begin(machine);
      }
    },

    async stop(uid, {force, timeout}, signal) {
      const machine = await folders.need(uid);
      giveUp(signal);
      const {instance, process} = await observeMachine(machine, monitors);
      if (process === undefined) return;

      if (force) await kill(machine, process);
      else await stopOrderly(machine, {process, state: instance.state}, {timeout, signal});
    },

    async unfreeze(uid) {
      const machine = await folders.need(uid);
      const {instance, process} = await observeMachine(machine, monitors);
      if (process !== undefined && instance.state === 'Frozen') await resume(machine, process);
    },

    async rename(uid) {
      const machine = await folders.need(uid);
      if (machine.name === canonicalName(uid)) return;

      const {instance, process} = await observeMachine(machine, monitors);
      if (process !== undefined) {
        throw new DriverError(
          'NotPermittedNow',
          `${machine.name} is ${instance.state}: only what is stopped can be renamed`,
        );
      }
      await folders.rename(machine);
    },

    async delete(uid) {
      const machine = await folders.find(uid);
      if (machine === undefined) return;

      const {process} = await observeMachine(machine, monitors);
      if (process !== undefined) await kill(machine, process);
      await folders.remove(machine);
    },
  };
}

function giveUp(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DriverError('TimedOut', 'it was given up', {cause: signal.reason});
}
