import {access, constants, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {Account} from '../account.ts';
import {accountIn} from '../account.ts';
import type {Driver} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {baseImage} from '../instance-name.ts';
import {knownAccount} from '../lxd/account.ts';
import type {NodeDriver} from '../node-driver.ts';
import type {Accelerator} from './accelerator.ts';
import {findAccelerator} from './accelerator.ts';
import {readCapacity} from './capacity.ts';
import type {Channel} from './channel.ts';
import type {Way} from './channels.ts';
import {createChannels} from './channels.ts';
import {machinePorts} from './command.ts';
import {createMachine} from './create.ts';
import {dialInside} from './dial-inside.ts';
import {machineEvents} from './events.ts';
import {startExec} from './exec.ts';
import {createFiles} from './files.ts';
import {createGuard} from './guard.ts';
import type {Image} from './images.ts';
import {createImages, imageFiles} from './images.ts';
import {createLifecycle} from './lifecycle.ts';
import type {Machine} from './machine-folders.ts';
import {createMachineFolders, makePrivateFolder} from './machine-folders.ts';
import {createMonitors} from './monitors.ts';
import {observeMachine} from './observe.ts';
import {pathsOf} from './paths.ts';
import {runProgram} from './run-program.ts';
import {createSerial} from './serial.ts';
import {createSettings} from './settings.ts';
import {isMachineAddress} from './slot.ts';
import {createTransfer} from './transfer.ts';
import {createVerdicts} from './verdicts.ts';

export type QemuDriverOptions = {
  /** Path of qemu-system-x86_64; qemu-img is beside it. */
  readonly program: string;
  readonly installation: string;
  /** For images and machines. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Found out by a trial when absent. */
  readonly accelerator?: Accelerator;
};

const setupCommand = 'nexus agent setup --image FILE';

/** Virtual machines, each a QEMU process that outlives whoever began it, and a folder that says all about it. */
export function createQemuDriver(options: QemuDriverOptions): NodeDriver {
  const {program, installation, folder, clock, random, log} = options;
  const paths = pathsOf(folder);
  const isRoot = process.geteuid?.() === 0;
  const imageProgram = join(dirname(program), 'qemu-img');
  const folders = createMachineFolders({folder: paths.machines, installation, log});
  const images = createImages(paths.images);
  const monitors = createMonitors(clock);
  const channels = createChannels(clock);
  const guard = createGuard({clock, isRoot});
  const serial = createSerial();
  const listeners = new Set<(uid: string) => void>();
  let version: Promise<string> | undefined;
  let found = options.accelerator;
  const verdictOn = createVerdicts({
    clock,
    find: async image => await findAccelerator(program, join(image.folder, imageFiles.kernel)),
  });

  const accelerator = async (image: Image): Promise<Accelerator> => {
    if (options.accelerator !== undefined) return options.accelerator;
    found = await verdictOn(image);
    return found;
  };

  const tell = (uid: string) => {
    for (const listener of listeners) listener(uid);
  };

  /** One change at a time on a machine, told once it is over, however it ends. */
  const changing = async <T>(uid: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await serial(uid, work);
    } finally {
      tell(uid);
    }
  };

  const running = async (uid: string, signal?: AbortSignal): Promise<{machine: Machine; channel: Way}> => {
    if (signal?.aborted) throw new DriverError('TimedOut', 'it was given up', {cause: signal.reason});
    const machine = await folders.need(uid);
    const {instance, process} = await observeMachine(machine, monitors);
    if (process === undefined || instance.state !== 'Running') {
      throw new DriverError('NotPermittedNow', `${machine.name} is ${instance.state}, not Running`);
    }
    return {machine, channel: await channels.of(machine, process, signal)};
  };

  const wayTo = async (address: string, signal: AbortSignal): Promise<Way> => {
    const open = channels.at(address);
    if (open !== undefined) return await open;

    const machine = (await folders.list()).find(({record}) => record.address === address);
    if (machine === undefined) throw new DriverError('NotFound', `no machine has the address ${address}`);
    return (await running(machine.record.uid, signal)).channel;
  };

  const accountOf = async (user: string, channel: Channel): Promise<Account> => {
    const known = knownAccount(user, {config: {}});
    if (known !== undefined) return known;
    return accountIn(new TextDecoder().decode(await createFiles(channel).read('/etc/passwd')), user);
  };

  const exec: Driver['exec'] = async (uid, execOptions) => {
    const {machine, channel} = await running(uid, execOptions.signal);
    const account = await accountOf(execOptions.user, channel);
    const env = {...machine.record.env, ...execOptions.env};
    return await startExec(channel, {...execOptions, env, account, killer: channel.killer});
  };

  const readVersion = async (): Promise<string> => {
    const {stdout} = await runProgram(program, ['--version']);
    return /version (\S+)/.exec(stdout)?.[1] ?? '';
  };

  const examine = async (): Promise<string[]> => [
    ...(found !== 'tcg' ? [] : ['the processor is emulated, which is slow: KVM can not be used here']),
    ...((await guard.ensure())
      ? []
      : ['machines have no way out to the network: keeping them from the node needs root and nftables']),
  ];

  const probing = async (): ReturnType<Driver['probe']> => {
    try {
      await access(imageProgram, constants.X_OK).catch(() => {
        throw new Error(`${imageProgram} is missing; install qemu-utils`);
      });
      version ??= readVersion();
      const remarks = await examine();
      return {
        backend: 'qemu',
        version: await version,
        ready: true,
        ...(remarks.length === 0 ? {} : {message: remarks.join('; ')}),
      };
    } catch (error) {
      version = undefined;
      return {backend: 'qemu', version: '', ready: false, message: messageOf(error)};
    }
  };

  const settings = createSettings({
    folders,
    monitors,
    channelOf: (machine, process) => channels.of(machine, process),
    exec,
    imageProgram,
    clock,
    log,
  });
  const lifecycle = createLifecycle({program, isRoot, folders, images, monitors, guard, accelerator, clock});
  const instanceOf = async (machine: Machine) => (await observeMachine(machine, monitors)).instance;

  const transfer = createTransfer({
    ...{folders, images, installation, random, imageProgram, changing},
    look: instanceOf,
  });

  return {
    provider: 'qemu',
    transfer,
    place: program,
    async probeBackend() {
      const image = await images.find(baseImage).catch(() => undefined);
      if (image !== undefined) await accelerator(image);
      return await probing();
    },

    async probe() {
      const image = await images.find(baseImage).catch(() => undefined);
      // The trial takes longer than a heartbeat waits: what it finds is told with a later one.
      if (image !== undefined) {
        accelerator(image).catch((error: unknown) =>
          log.warn({error}, 'it could not be tried what runs machines'),
        );
      }
      const probed = await probing();
      if (!probed.ready || image !== undefined) return probed;

      const missing = `the image ${baseImage} is missing; run there: ${setupCommand}`;
      return {...probed, message: [probed.message, missing].filter(Boolean).join('; ')};
    },

    async prepare() {
      await makePrivateFolder(folder);
      await makePrivateFolder(paths.machines);
      await makePrivateFolder(paths.images);
      const machines = await folders.list();
      await images.removeUnused(new Set(machines.map(({record}) => record.image)));
    },

    async purge() {
      for (const {record} of await folders.list()) await lifecycle.delete(record.uid);
      await rm(folder, {recursive: true, force: true});
      await guard.remove();
    },

    reach(address, port, signal) {
      // The network leads to its sshd. At any other port of its address whoever listens on all addresses of the node would answer.
      if (port === machinePorts.ssh || !isMachineAddress(address)) return undefined;
      return wayTo(address, signal).then(async channel => await dialInside(channel, port, signal));
    },

    imagePresent: async alias => (await images.find(alias)) !== undefined,
    importImage: images.import,
    capacity: async () => await readCapacity(folder),

    async observe() {
      return await Promise.all((await folders.list()).map(instanceOf));
    },

    async observeOne(uid) {
      const machine = await folders.find(uid);
      return machine === undefined ? undefined : await instanceOf(machine);
    },

    async create(request, signal) {
      const {uid} = request.spec;
      return await changing(uid, async () => {
        if (signal?.aborted) throw new DriverError('TimedOut', 'it was given up', {cause: signal.reason});
        return await instanceOf(
          await createMachine(request, {folders, images, installation, random, imageProgram}),
        );
      });
    },

    start: async (uid, signal) => await changing(uid, () => lifecycle.start(uid, signal)),
    stop: async (uid, how, signal) => await changing(uid, () => lifecycle.stop(uid, how, signal)),
    unfreeze: async uid => await changing(uid, () => lifecycle.unfreeze(uid)),
    rename: async uid => await changing(uid, () => lifecycle.rename(uid)),
    delete: async uid => await changing(uid, () => lifecycle.delete(uid)),
    retire: async (uid, times) => await changing(uid, () => settings.retire(uid, times)),
    restore: async uid => await changing(uid, () => settings.restore(uid)),
    setLimits: async (uid, limits) => await changing(uid, () => settings.setLimits(uid, limits)),
    setAuthorizedKeys: async (uid, keys) => await changing(uid, () => settings.setAuthorizedKeys(uid, keys)),

    async provision(uid) {
      // Every image that a machine can be made of is one of hack/build-image's.
      await folders.need(uid);
    },

    exec,

    async writeFile(uid, path, content, file) {
      const {channel} = await running(uid);
      await createFiles(channel).write(path, content, file);
    },

    async readFile(uid, path) {
      const {channel} = await running(uid);
      return await createFiles(channel).read(path);
    },

    async *events(signal) {
      // Only an agent listens: what another one has left half done when it died is nobody's.
      await folders.sweep();
      yield* machineEvents(
        {
          folder: paths.machines,
          folders,
          monitors,
          look: instanceOf,
          onOwnChange(listener) {
            listeners.add(listener);
            return {[Symbol.dispose]: () => void listeners.delete(listener)};
          },
          clock,
        },
        signal,
      );
    },

    async [Symbol.asyncDispose]() {
      await channels[Symbol.asyncDispose]();
      await monitors[Symbol.asyncDispose]();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
