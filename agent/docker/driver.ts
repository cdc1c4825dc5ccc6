import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {Account} from '../account.ts';
import {accountIn} from '../account.ts';
import type {Driver} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {scripts} from '../guest/scripts.ts';
import {baseImage} from '../instance-name.ts';
import {createBridgeWall} from '../network/bridge-wall.ts';
import type {NodeDriver} from '../node-driver.ts';
import {provisionInstance} from '../provision-instance.ts';
import {createClient} from './client.ts';
import {createContainers} from './containers.ts';
import {createCreate} from './create.ts';
import type {Daemon} from './daemon.ts';
import {readCapacity, readDaemon} from './daemon.ts';
import {hasEnvironment, prepareEnvironment, purgeEnvironment} from './environment.ts';
import {containerEvents} from './events.ts';
import {startExec} from './exec.ts';
import {readFile, writeFile} from './files.ts';
import {createHelpers} from './helpers.ts';
import {createImages} from './images.ts';
import {labels} from './labels.ts';
import {createLayers} from './layers.ts';
import {createLifecycle} from './lifecycle.ts';
import {createMakeContainer} from './make-container.ts';
import {createMarks} from './marks.ts';
import {namesOf} from './names.ts';
import type {Container} from './observe.ts';
import {toDriverInstance} from './observe.ts';
import {createSettings} from './settings.ts';
import {createTransfer} from './transfer.ts';

export type DockerDriverOptions = {
  /** Path of the unix socket of Docker. */
  readonly socket: string;
  /** Six hexadecimal digits; all that belongs to the installation is named after it. */
  readonly installation: string;
  /** For what Docker can't keep: the marks that change. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

const setupCommand = 'nexus agent setup --image FILE';

/** For Docker 19.03 or later on this machine, over the unix socket. */
export function createDockerDriver({
  socket,
  installation,
  folder,
  clock,
  random,
  log,
}: DockerDriverOptions): NodeDriver {
  const names = namesOf(installation);
  const client = createClient({socket});
  const marks = createMarks(folder);
  const containers = createContainers({client, installation, marks});
  const images = createImages({client, names, installation});
  const wall = createBridgeWall({bridge: names.bridge, clock});
  let known: Daemon | undefined;

  const daemon = async (): Promise<Daemon> => {
    known ??= await readDaemon(client);
    return known;
  };

  const lifecycle = createLifecycle({client, containers, marks});
  const make = createMakeContainer({client, containers, marks, names, installation, daemon});
  const helpers = createHelpers({client, names, installation, images});
  const transfer = createTransfer({
    client,
    containers,
    images,
    helpers,
    layers: createLayers({client, daemon}),
    make,
    remove: lifecycle.delete,
  });

  const accountOf = async (container: Container, name: string): Promise<Account> => {
    if (name === 'root') return {name, uid: 0, gid: 0, home: '/root'};
    if (name === 'dev') return {name, uid: 1000, gid: 1000, home: '/home/dev'};
    return accountIn(new TextDecoder().decode(await readFile(client, container, '/etc/passwd')), name);
  };

  const exec: Driver['exec'] = async (uid, options) => {
    const container = await containers.need(uid, options.signal);
    const {state} = toDriverInstance(container);
    if (state !== 'Running') {
      throw new DriverError('NotPermittedNow', `${container.name} is ${state}, not Running`);
    }
    const account = await accountOf(container, options.user);
    return await startExec({client, container: container.id, account}, options);
  };

  const probeBackend: Driver['probe'] = async () => {
    try {
      known = await readDaemon(client);
      const {version, remarks} = known;
      return {
        backend: 'docker',
        version,
        ready: true,
        ...(remarks.length === 0 ? {} : {message: remarks.join('; ')}),
      };
    } catch (error) {
      return {backend: 'docker', version: known?.version ?? '', ready: false, message: messageOf(error)};
    }
  };

  const examine = async (remark: string | undefined): Promise<{ready: boolean; message?: string}> => {
    if (!(await hasEnvironment({client, names}))) {
      const message = `it is not set up for installation ${installation}: network ${names.network} missing; run there: ${setupCommand}`;
      return {ready: false, message};
    }
    const open = await wall.keep();
    const all = [
      ...(remark === undefined ? [] : [remark]),
      ...(open === undefined ? [] : [open]),
      ...((await images.present(baseImage))
        ? []
        : [`the image ${baseImage} is missing; run there: ${setupCommand}`]),
    ];
    return all.length === 0 ? {ready: true} : {ready: true, message: all.join('; ')};
  };

  return {
    provider: 'docker',
    place: socket,
    ...lifecycle,
    ...createSettings({client, containers, marks, daemon}),
    create: createCreate({client, containers, images, make, clock}),
    get transfer() {
      return known?.hasLayers === false ? undefined : transfer;
    },
    exec,
    probeBackend,

    async probe() {
      const found = await probeBackend();
      if (!found.ready) return found;
      try {
        const {message, ...rest} = found;
        return {...rest, ...(await examine(message))};
      } catch (error) {
        return {...found, ready: false, message: messageOf(error)};
      }
    },

    prepare: async () => await prepareEnvironment({client, names, installation, random}),
    async purge() {
      await purgeEnvironment({client, names, installation, marks});
      await wall.remove();
    },
    importImage: images.import,
    imagePresent: images.present,
    capacity: async () => await readCapacity(await daemon()),
    observe: async () => (await containers.list()).map(toDriverInstance),

    async observeOne(uid) {
      const container = await containers.find(uid);
      return container === undefined ? undefined : toDriverInstance(container);
    },

    async provision(uid, signal) {
      const container = await containers.need(uid, signal);
      await provisionInstance(exec, uid, {
        hostName: container.labels[labels.hostname] ?? '',
        authorizedKeys: container.marks?.authorizedKeys ?? container.labels[labels.authorizedKeys] ?? '',
        hostKey: container.labels[labels.hostKey] ?? '',
        init: scripts.init,
        signal,
      });
      await marks.change(uid, container.id, before => ({...before, provisioned: true}));
    },

    async writeFile(uid, path, content, file) {
      await writeFile(client, await containers.need(uid), {path, content, ...file});
    },

    async readFile(uid, path) {
      return await readFile(client, await containers.need(uid), path);
    },

    async *events(signal) {
      // Only an agent listens: what others of its kind have left behind when they died is nobody's.
      await helpers.sweep().catch((error: unknown) => log.warn({error}, 'helpers could not be removed'));
      yield* containerEvents({client, installation, clock, random, log}, signal);
    },

    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
