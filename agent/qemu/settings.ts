import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Driver} from '../driver.ts';
import {DriverError} from '../driver.ts';
import type {Channel} from './channel.ts';
import {createFiles} from './files.ts';
import type {Machine, MachineFolders} from './machine-folders.ts';
import type {MachineProcess} from './machine-process.ts';
import type {Monitors} from './monitors.ts';
import {observeMachine} from './observe.ts';
import {machineFiles} from './paths.ts';
import {runProgram} from './run-program.ts';
import {keysFile} from './seed.ts';

export type SettingsOptions = {
  readonly folders: MachineFolders;
  readonly monitors: Monitors;
  readonly channelOf: (machine: Machine, process: MachineProcess) => Promise<Channel>;
  readonly exec: Driver['exec'];
  /** Of qemu-img. */
  readonly imageProgram: string;
  readonly clock: Clock;
  readonly log: Logger;
};

export type Settings = Pick<Driver, 'retire' | 'restore' | 'setLimits' | 'setAuthorizedKeys'>;

export const keysPath = '/etc/nexus/authorized_keys';

/** Milliseconds that a change waits for the file system inside to follow its disk; one that still boots does so by itself. */
const growPatience = 10_000;

export function createSettings(options: SettingsOptions): Settings {
  const {folders, monitors, channelOf, exec, imageProgram, clock, log} = options;

  async function growDisk(machine: Machine, size: number): Promise<void> {
    const {process} = await observeMachine(machine, monitors);
    if (process === undefined) {
      const {exitCode, stderr} = await runProgram(
        imageProgram,
        ['resize', '-q', '-f', 'qcow2', machineFiles.disk, String(size)],
        {directory: machine.folder},
      );
      if (exitCode !== 0) throw new DriverError('Internal', `the disk could not be grown: ${stderr.trim()}`);
      return;
    }

    const qmp = await monitors.of(machine);
    await qmp.execute('block_resize', {'node-name': 'disk', size});
    const growing = growInside(machine.record.uid);
    await Promise.race([growing, clock.sleep(growPatience)]);
  }

  async function growInside(uid: string): Promise<void> {
    try {
      const resize = await exec(uid, {command: ['resize2fs', '/dev/vda'], user: 'root', directory: '/'});
      resize.stdin.end();
      resize.stdout.resume();
      resize.stderr.resume();
      const exitCode = await resize.exitCode;
      if (exitCode !== 0)
        log.warn({uid, exitCode}, 'the file system of a machine did not grow with its disk');
    } catch (error) {
      log.warn({uid, error}, 'the file system of a machine grows with its disk at the next start');
    }
  }

  return {
    async retire(uid, {at, until}) {
      await folders.change(uid, record => ({...record, retired: {at, until}}));
    },

    async restore(uid) {
      await folders.change(uid, ({retired: _, ...record}) => record);
    },

    async setLimits(uid, limits) {
      const machine = await folders.need(uid);
      const {disk} = machine.record.limits;
      if (limits.disk < disk) {
        throw new DriverError(
          'NotPermittedNow',
          `the disk of a QEMU machine can't shrink: it has ${disk} bytes, and ${limits.disk} are asked for`,
        );
      }
      if (limits.disk > disk) await growDisk(machine, limits.disk);
      await folders.change(uid, record => ({...record, limits}));
    },

    async setAuthorizedKeys(uid, keys) {
      const machine = await folders.change(uid, record => ({...record, authorizedKeys: [...keys]}));
      const {process} = await observeMachine(machine, monitors);
      // One that does not run is given them as it starts.
      if (process === undefined) return;

      const files = createFiles(await channelOf(machine, process));
      await files.write(keysPath, new TextEncoder().encode(keysFile(keys)), {mode: 0o644, uid: 0, gid: 0});
    },
  };
}
