import {buffer} from 'node:stream/consumers';
import type {Driver, DriverInstance} from '../../agent/driver.ts';
import {DriverError} from '../../agent/driver.ts';
import {canonicalName} from '../../agent/instance-name.ts';
import {firstFree} from '../../agent/network/address.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import type {ByHand} from '../contracts/driver/suite.ts';
import type {FakeBackend, FakeInstance} from './fake-backend.ts';
import {createFakeBackend} from './fake-backend.ts';
import {fakeByHand} from './fake-by-hand.ts';
import type {FakeCall, FakeMethod, Intercept} from './fake-call.ts';
import {createCaller} from './fake-call.ts';
import {fakeCommands} from './fake-commands.ts';
import {makeFakeInstance, toDriverInstance} from './fake-instance.ts';
import type {ExecHandler} from './fake-process.ts';
import {startFakeProcess} from './fake-process.ts';
import type {FakeInside} from './fake-transfer.ts';
import {createFakeTransfer} from './fake-transfer.ts';

export type {FakeCall};

export type FakeDriverOptions = {
  readonly clock: Clock;
  /** `lxc` by default. */
  readonly provider?: Provider;
  /** What instances do with commands; by default the few that the driver contract uses. */
  readonly execHandler?: ExecHandler;
  /** Images that there are, each with whether it needs provisioning; `nexus/base`, which doesn't, by default. */
  readonly images?: Readonly<Record<string, {readonly needsProvisioning: boolean}>>;
  /** Milliseconds that the backend's own operation takes; it goes on when the caller gives up. 0 by default. */
  readonly duration?: (call: FakeCall) => number;
  /** What instances hold beside their files, for those that are moved. */
  readonly inside?: FakeInside;
  /** Around every call: delay it, fail it before anything is done (throw before `run`), or lose its answer (throw after). */
  readonly intercept?: Intercept;
};

/** A driver in memory that holds the driver contract, for tests and simulation. */
export type FakeDriver = Driver & {
  /** Instances by name, and whether the backend is down. What a test changes here is told to nobody: an event that got lost. */
  readonly backend: FakeBackend;
  /** What people do behind our back; listeners are told, as a real backend would. */
  readonly byHand: ByHand;
};

const subnet = {gateway: '10.64.0.1', prefix: 16};
const capacity = {cpus: 64, memory: 2 ** 38, disk: 2 ** 42};

export function createFakeDriver(options: FakeDriverOptions): FakeDriver {
  const {clock, images = {'nexus/base': {needsProvisioning: false}}} = options;
  const execHandler = options.execHandler ?? fakeCommands(clock);
  const backend = createFakeBackend(clock);

  function find(uid: string): FakeInstance | undefined {
    return [...backend.instances.values()].find(instance => instance.uid === uid && !instance.isCopy);
  }

  function need(uid: string): FakeInstance {
    const found = find(uid);
    if (found === undefined) throw new DriverError('NotFound', `there is no instance ${canonicalName(uid)}`);
    return found;
  }

  const called = createCaller(backend, options.intercept);

  type Change = {
    readonly isDone: (instance: FakeInstance) => boolean;
    readonly meanwhile?: DriverInstance['state'];
    readonly change: (instance: FakeInstance) => void;
    readonly duration?: number;
  };

  /** Waits for what is under way on the instance; then, unless that did it already, lets the backend do it. */
  async function converge(uid: string, {isDone, meanwhile, change, duration = 0}: Change): Promise<void> {
    await backend.settle(need(uid).name);
    const instance = need(uid);
    if (isDone(instance)) return;

    const before = instance.state;
    try {
      await backend.operate(instance.name, {
        duration,
        begin: () => {
          instance.state = meanwhile ?? before;
        },
        change: () => change(instance),
      });
    } catch (error) {
      instance.state = before;
      throw error;
    }
    backend.tell(uid);
  }

  /** Everything about one instance that is done at once. */
  const changed = (method: FakeMethod, uid: string, change: (instance: FakeInstance) => void) =>
    called({method, uid}, async () => await converge(uid, {isDone: () => false, change}));

  const durationOf = (method: FakeMethod, uid: string) => options.duration?.({method, uid}) ?? 0;

  const driver: FakeDriver = {
    provider: options.provider ?? 'lxc',
    backend,
    byHand: fakeByHand(backend, clock),

    async probe() {
      const ready = !backend.down;
      return {backend: 'fake', version: '1', ready, ...(ready ? {} : {message: 'the fake backend is down'})};
    },

    prepare: () => called({method: 'prepare', uid: undefined}, async () => {}),

    capacity: () =>
      called({method: 'capacity', uid: undefined}, async () => ({capacity, allocatable: capacity})),

    observe: () =>
      called({method: 'observe', uid: undefined}, async () => {
        const uids = new Set([...backend.instances.values()].flatMap(instance => instance.uid ?? []));
        return [...uids].flatMap(uid => find(uid) ?? []).map(toDriverInstance);
      }),

    observeOne: uid =>
      called({method: 'observeOne', uid}, async () => {
        const found = find(uid);
        return found === undefined ? undefined : toDriverInstance(found);
      }),

    create: ({spec, hostKey}, signal) =>
      called(
        {method: 'create', uid: spec.uid},
        async () => {
          const name = canonicalName(spec.uid);
          await backend.settle(name);
          const present = find(spec.uid);
          if (present !== undefined) return toDriverInstance(present);
          if (backend.instances.has(name)) throw new DriverError('NotPermittedNow', `${name} already exists`);

          const image = images[spec.image];
          if (image === undefined) throw new DriverError('ImageNotFound', `there is no image ${spec.image}`);

          await backend.operate(name, {
            duration: durationOf('create', spec.uid),
            change: () => {
              if (!backend.instances.has(name)) {
                const address = freeAddress(spec.uid);
                const made = makeFakeInstance({spec, hostKey}, {createdAt: clock.now(), address, ...image});
                backend.instances.set(name, made);
              }
            },
          });
          backend.tell(spec.uid);
          return toDriverInstance(need(spec.uid));
        },
        signal,
      ),

    start: (uid, signal) =>
      called(
        {method: 'start', uid},
        () =>
          converge(uid, {
            isDone: ({state}) => state === 'Running',
            meanwhile: 'Starting',
            duration: durationOf('start', uid),
            change: instance => backend.start(instance),
          }),
        signal,
      ),

    stop: (uid, _how, signal) =>
      called(
        {method: 'stop', uid},
        () =>
          converge(uid, {
            isDone: ({state}) => state === 'Stopped',
            meanwhile: 'Stopping',
            duration: durationOf('stop', uid),
            change: instance => backend.stop(instance),
          }),
        signal,
      ),

    unfreeze: uid =>
      called({method: 'unfreeze', uid}, () =>
        converge(uid, {
          isDone: ({state}) => state !== 'Frozen',
          duration: durationOf('unfreeze', uid),
          change: instance => {
            instance.state = 'Running';
          },
        }),
      ),

    rename: uid =>
      called({method: 'rename', uid}, () =>
        converge(uid, {
          isDone: ({name}) => name === canonicalName(uid),
          duration: durationOf('rename', uid),
          change: instance => {
            if (instance.state !== 'Stopped') {
              throw new DriverError('NotPermittedNow', `${instance.name} is ${instance.state}, not Stopped`);
            }
            backend.rename(instance, canonicalName(uid));
          },
        }),
      ),

    delete: uid =>
      called({method: 'delete', uid}, async () => {
        await backend.settle(canonicalName(uid));
        if (find(uid) === undefined) return;
        await converge(uid, {
          isDone: () => false,
          meanwhile: 'Stopping',
          duration: durationOf('delete', uid),
          change: instance => backend.remove(instance),
        });
      }),

    retire: (uid, times) =>
      changed('retire', uid, instance => {
        instance.retired = times;
      }),

    restore: uid =>
      changed('restore', uid, instance => {
        instance.retired = undefined;
      }),

    setLimits: (uid, limits) =>
      changed('setLimits', uid, instance => {
        instance.limits = limits;
      }),

    setAuthorizedKeys: (uid, keys) =>
      changed('setAuthorizedKeys', uid, instance => {
        instance.authorizedKeys = keys;
      }),

    provision: (uid, signal) =>
      called(
        {method: 'provision', uid},
        async () => {
          running(uid);
          await converge(uid, {
            isDone: ({needsProvisioning}) => !needsProvisioning,
            duration: durationOf('provision', uid),
            change: instance => {
              instance.needsProvisioning = false;
            },
          });
        },
        signal,
      ),

    exec: (uid, execOptions) =>
      called(
        {method: 'exec', uid},
        async () => startFakeProcess(running(uid), execOptions, execHandler),
        execOptions.signal,
      ),

    writeFile: (uid, path, content, file) =>
      called({method: 'writeFile', uid}, async () => {
        const bytes = content instanceof Uint8Array ? content : await buffer(content);
        need(uid).files.set(path, {...file, content: bytes});
      }),

    readFile: (uid, path) =>
      called({method: 'readFile', uid}, async () => {
        const file = need(uid).files.get(path);
        if (file === undefined) throw new DriverError('NotFound', `there is no ${path}`);
        return file.content;
      }),

    transfer: createFakeTransfer({
      backend,
      called,
      clock,
      durationOf,
      find,
      freeAddress,
      inside: options.inside,
    }),

    events: signal => backend.events(signal),

    async [Symbol.asyncDispose]() {
      for (const instance of backend.instances.values()) backend.kill(instance);
    },
  };
  return driver;

  function freeAddress(preference: string): string {
    const used = new Set([...backend.instances.values()].map(({address}) => address));
    const address = firstFree(subnet, preference, used);
    if (address === undefined) throw new DriverError('NoSpace', 'no address is free');
    return address;
  }

  function running(uid: string): FakeInstance {
    const instance = need(uid);
    if (instance.state === 'Running') return instance;
    throw new DriverError('NotPermittedNow', `${instance.name} is ${instance.state}, not Running`);
  }
}
