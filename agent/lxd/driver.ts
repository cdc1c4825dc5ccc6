import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {Account} from '../account.ts';
import {accountIn} from '../account.ts';
import type {Driver} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {baseImage} from '../instance-name.ts';
import type {NodeDriver} from '../node-driver.ts';
import {knownAccount} from './account.ts';
import {createBridge} from './bridge.ts';
import {readCapacity} from './capacity.ts';
import {createClient} from './client.ts';
import {createCreate} from './create.ts';
import type {EnvironmentOptions, PoolDriver} from './environment.ts';
import {
  keepBoundary,
  missingEnvironment,
  prepareEnvironment,
  purgeEnvironment,
  slowPool,
} from './environment.ts';
import {lifecycleEvents} from './events.ts';
import {startExec} from './exec.ts';
import type {FileTarget} from './files.ts';
import {overwriteFile, readFile, writeFile} from './files.ts';
import type {Images} from './images.ts';
import {createImages} from './images.ts';
import {keysFile} from './instance-config.ts';
import {createInstances} from './instances.ts';
import {createLifecycle} from './lifecycle.ts';
import {namesOf} from './names.ts';
import type {RawInstance} from './observe.ts';
import {toDriverInstance} from './observe.ts';
import {createOperations} from './operation.ts';
import {bindBridgePort, createPortGuard} from './port-guard.ts';
import {createProvision} from './provision.ts';
import type {Server} from './server.ts';
import {readServer} from './server.ts';
import {createSettings} from './settings.ts';
import {createTransfer} from './transfer.ts';

export type LxdDriverOptions = {
  /** Path of the unix socket of LXD or Incus. */
  readonly socket: string;
  /** Six hexadecimal digits; all that belongs to the installation is named after it. */
  readonly installation: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of the pool that {@link Driver.prepare} makes; an existing one stays as it is. */
  readonly pool?: {
    /** Bytes, 30 GiB by default. */
    readonly size?: number;
    /** btrfs, else zfs, else dir by default. */
    readonly driver?: PoolDriver;
  };
};

const defaultPoolSize = 30 * 2 ** 30;

/** Milliseconds that what was prepared is taken to stay. */
const preparedFor = 30_000;

const setupCommand = 'nexus agent setup --image FILE';

/** For LXD 5.0 or later and Incus 6.0 or later, over the unix socket. */
export function createLxdDriver({
  socket,
  installation,
  clock,
  random,
  log,
  pool,
}: LxdDriverOptions): NodeDriver {
  const names = namesOf(installation);
  const {project} = names;
  const client = createClient({socket});
  const operations = createOperations({client, project});
  const instances = createInstances({client, project, installation});
  const images: Images = createImages({client, operations, names});
  const bridge = createBridge({client, names});
  const settings = createSettings({client, operations, instances, project});
  const guard = createPortGuard({bind: bindBridgePort, log});
  const environment: EnvironmentOptions = {
    client,
    operations,
    names,
    random,
    log,
    pool: {size: defaultPoolSize, ...pool},
  };
  let server: Server | undefined;
  /** When everything was last seen to be there; by the clock. */
  let preparedAt: number | undefined;
  let remark: string | undefined;

  async function filesOf(instance: string): Promise<FileTarget> {
    server ??= await readServer(client);
    return {client, project, instance, backend: server.backend};
  }

  async function accountOf(raw: RawInstance, user: string): Promise<Account> {
    const known = knownAccount(user, raw);
    if (known !== undefined) return known;

    const passwd = await readFile(await filesOf(raw.name), '/etc/passwd');
    return accountIn(new TextDecoder().decode(passwd), user);
  }

  const exec: Driver['exec'] = async (uid, options) => {
    const {raw} = await instances.need(uid, options.signal);
    const {state} = toDriverInstance(raw);
    if (state !== 'Running') throw new DriverError('NotPermittedNow', `${raw.name} is ${state}, not Running`);

    const account = await accountOf(raw, options.user);
    return await startExec({client, operations, project, instance: raw.name, account}, options);
  };

  const probeBackend: Driver['probe'] = async () => {
    try {
      server = await readServer(client);
      const {backend, version, trusted, storageDrivers} = server;
      const message = trusted
        ? storageDrivers.some(each => each !== 'dir') || slowPool
        : `${socket} gives no right to change anything`;
      return {backend, version, ready: trusted, ...(typeof message === 'string' ? {message} : {})};
    } catch (error) {
      return {
        backend: server?.backend ?? 'lxd',
        version: server?.version ?? '',
        ready: false,
        message: messageOf(error),
      };
    }
  };

  /** Whether what workspaces need is there. To ask is not free on a backend with many instances, so that a yes holds for a while. */
  async function examine(remarks: readonly string[]): Promise<{ready: boolean; message?: string}> {
    const now = clock.now();
    if (preparedAt === undefined || now - preparedAt >= preparedFor) {
      const missing = await missingEnvironment({client, names});
      if (missing.length > 0) {
        preparedAt = undefined;
        return {
          ready: false,
          message: `it is not set up for installation ${installation}: ${missing.join(', ')} missing; run there: ${setupCommand}`,
        };
      }
      remark = await keepBoundary(environment);
      preparedAt = now;
    }

    const image = (await images.present(baseImage))
      ? []
      : [`the image ${baseImage} is missing; run there: ${setupCommand}`];
    const all = [...remarks, ...(remark === undefined ? [] : [remark]), ...image];
    return all.length === 0 ? {ready: true} : {ready: true, message: all.join('; ')};
  }

  const lifecycle = createLifecycle({client, operations, instances, project});

  const driver: NodeDriver = {
    provider: 'lxc',
    place: socket,
    ...lifecycle,
    create: createCreate({client, operations, instances, images, bridge, names, installation}),
    transfer: createTransfer({
      client,
      operations,
      instances,
      bridge,
      names,
      installation,
      configure: settings.configure,
      remove: lifecycle.delete,
    }),
    provision: createProvision({exec, instances, configure: settings.configure}),
    retire: settings.retire,
    restore: settings.restore,
    setLimits: settings.setLimits,
    exec,

    probeBackend,

    async probe() {
      const found = await probeBackend();
      if (!found.ready) {
        preparedAt = undefined;
        return found;
      }
      try {
        const remarks = found.message === undefined ? [] : [found.message];
        return {...found, ...(await examine(remarks))};
      } catch (error) {
        return {...found, ready: false, message: messageOf(error)};
      }
    },

    async prepare() {
      preparedAt = undefined;
      await prepareEnvironment(environment);
    },

    async purge() {
      preparedAt = undefined;
      await purgeEnvironment(environment);
    },

    importImage: images.import,
    imagePresent: images.present,

    async capacity() {
      return await readCapacity(client, names);
    },

    async observe() {
      const listed = await instances.list();
      listed.forEach(guard.see);
      return listed.map(toDriverInstance);
    },

    async observeOne(uid) {
      const found = await instances.find(uid);
      if (found === undefined) return undefined;

      guard.see(found.raw);
      return toDriverInstance(found.raw);
    },

    async setAuthorizedKeys(uid, keys) {
      await settings.setAuthorizedKeys(uid, keys);
      const {raw} = await instances.need(uid);
      // What has never been started gets them from its config: by the image's template, or when it is provisioned.
      const {hasRun, needsProvisioning} = toDriverInstance(raw);
      if (!hasRun || needsProvisioning) return;
      const content = new TextEncoder().encode(keysFile(keys));
      await overwriteFile(await filesOf(raw.name), keysPath, {content, mode: 0o644, uid: 0, gid: 0});
    },

    async writeFile(uid, path, content, file) {
      const {raw} = await instances.need(uid);
      await writeFile(await filesOf(raw.name), path, {content, ...file});
    },

    async readFile(uid, path) {
      const {raw} = await instances.need(uid);
      return await readFile(await filesOf(raw.name), path);
    },

    events: signal => lifecycleEvents({client, project, clock, random, log, uidOf: instances.uidOf}, signal),

    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
    },
  };
  return driver;
}

const keysPath = '/etc/nexus/authorized_keys';

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
