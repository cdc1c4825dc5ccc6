import {Readable} from 'node:stream';
import type {Guest, RepositoryFacts} from '../../agent/guest/guest.ts';
import {GuestError} from '../../agent/guest/guest-error.ts';
import type {Probe} from '../../agent/probe.ts';
import {RefusedError} from '../../agent/probe.ts';
import type {ServiceHost, UnitStatus} from '../../agent/services/service-host.ts';
import type {FakeInstance} from '../fakes/fake-backend.ts';
import type {SeededRandom} from './seeded-random.ts';
import type {Inside, Insides, SimulatedUnit} from './simulated-inside.ts';
import type {SimulatedProcess} from './simulated-process.ts';

export type GuestOptions = {
  /** The agent that looks. */
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
  readonly find: (uid: string) => FakeInstance | undefined;
  readonly instances: () => Iterable<FakeInstance>;
  readonly insides: Insides;
  /** Probability that what is done inside fails. */
  readonly failing: () => number;
};

const headCommit = '0123456789abcdef0123456789abcdef01234567';

/** Instances as the agent finds them from within, without any Linux in them. */
export function createSimulatedGuest(options: GuestOptions): Guest {
  const {process, random, find, insides, failing} = options;
  const {clock} = process;

  const running = (uid: string): FakeInstance => {
    const instance = find(uid);
    if (instance?.state !== 'Running') {
      throw new GuestError('BackendUnavailable', 'simulated: the instance does not run');
    }

    return instance;
  };

  /** Takes a while; throws when the instance was stopped meanwhile, or by chance. */
  const work = async (uid: string, longest: number, signal: AbortSignal): Promise<Inside> => {
    const before = running(uid);
    const {startedAt} = before;
    await clock.sleep(random.between(1, longest), signal);
    if (running(uid) !== before || before.startedAt !== startedAt) {
      throw new GuestError('BackendUnavailable', 'simulated: the instance was stopped meanwhile');
    }

    if (random.chance(failing())) {
      throw new GuestError('NetworkUnreachable', 'simulated: it did not work this time');
    }

    return insides.of(before);
  };

  return {
    async clone(uid, {repository}, signal) {
      const inside = await work(uid, 3000, signal);
      inside.clone ??= {commit: repository.bundle?.commit ?? headCommit, branch: repository.branch ?? 'main'};
      return factsOf(inside.clone);
    },
    async fetch(uid, {repository}, signal) {
      const inside = await work(uid, 1000, signal);
      if (inside.clone === undefined) {
        throw new GuestError('CommandFailed', 'simulated: there is no clone');
      }

      if (inside.unsaved) {
        return {...factsOf(inside.clone), notMerged: 'simulated: there is uncommitted work'};
      }

      inside.clone = {...inside.clone, commit: repository.bundle?.commit ?? headCommit};
      return factsOf(inside.clone);
    },
    async inspect(uid, {alone}, signal) {
      const inside = await work(uid, 200, signal);
      if (alone !== undefined) {
        inside.units.clear();
        inside.emptiedBy = process;
      }

      const {unsaved, clone} = inside;
      return {unsaved, ...(clone === undefined ? {} : {repository: {...factsOf(clone), unsaved}})};
    },
    async setEnvironment(uid, _env, signal) {
      await work(uid, 50, signal);
    },
    async setup(uid, request, {signal, onStep}) {
      const {run} = await work(uid, 50, signal);
      const inside = insides.of(running(uid));
      let setup = inside.setups.get(request.hash);
      const isOver = setup !== undefined && setup.endsAt <= clock.now();
      // A run that its instance's stop has cut off, or that failed, is begun again.
      if (setup === undefined || (!isOver && setup.run !== run) || (isOver && setup.exitCode !== 0)) {
        setup = {
          endsAt: clock.now() + random.between(100, 10_000),
          exitCode: random.chance(failing()) ? 1 : 0,
          run,
        };
        inside.setups.set(request.hash, setup);
      }

      onStep(0);
      await clock.sleep(setup.endsAt - clock.now(), signal);
      if (running(uid).startedAt !== setup.run && !isOver) {
        throw new GuestError('BackendUnavailable', 'simulated: the instance was stopped meanwhile');
      }

      return {exitCode: setup.exitCode, step: 0, message: ''};
    },
    async cancelSetup(uid) {
      const instance = find(uid);
      if (instance !== undefined) {
        insides.of(instance).setups.clear();
      }
    },
    async services(uid, signal) {
      await work(uid, 100, signal);
      return openHost(options, running(uid), signal);
    },
    async connect() {
      throw new RefusedError('simulated: nothing listens there');
    },
    async logs() {
      return Readable.from([]);
    },
  };
}

function factsOf({commit, branch}: {commit: string; branch: string}): RepositoryFacts {
  return {commit, branch, configuration: {files: ['README.md']}};
}

/** Whether something answers at an instance's address. */
export function createSimulatedProbe({process, random, instances, insides}: GuestOptions): Probe {
  const {clock} = process;
  const at = async (address: string, signal: AbortSignal): Promise<FakeInstance> => {
    await clock.sleep(random.between(0, 2), signal);
    for (const instance of instances()) {
      if (instance.address === address && instance.state === 'Running') {
        return instance;
      }
    }

    // Nobody answers: as with a real network, that takes until somebody gives up.
    await clock.sleep(60_000, signal);
    throw new Error('simulated: no route to host');
  };

  const listening = async (address: string, signal: AbortSignal): Promise<void> => {
    const {units} = insides.of(await at(address, signal));
    if (![...units.values()].some(unit => unit.exitCode === undefined && unit.answersAt <= clock.now())) {
      throw new RefusedError('simulated: nothing listens there');
    }
  };

  return {
    async ssh(address, _port, signal) {
      const instance = await at(address, signal);
      if (clock.now() < (instance.startedAt ?? 0) + insides.of(instance).boot) {
        throw new RefusedError('simulated: sshd is not up yet');
      }
    },
    tcp: (address, _port, signal) => listening(address, signal),
    async http(address, _request, signal) {
      await listening(address, signal);
      return 200;
    },
  };
}

function openHost(
  {process, random, insides}: GuestOptions,
  instance: FakeInstance,
  signal: AbortSignal,
): ServiceHost {
  const {clock} = process;
  const inside = insides.of(instance);
  const lost = new AbortController();
  const listeners = new Set<Parameters<ServiceHost['onExit']>[0]>();
  const lose = () => {
    inside.listeners.delete(hear);
    signal.removeEventListener('abort', lose);
    if (!lost.signal.aborted) {
      lost.abort(new GuestError('BackendUnavailable', 'simulated: the session with the services was lost'));
    }
  };
  const hear = (unit: SimulatedUnit | undefined) => {
    if (!process.alive) {
      inside.listeners.delete(hear);
      return;
    }

    if (unit === undefined) {
      lose();
      return;
    }

    for (const listener of [...listeners]) {
      listener(exitOf(unit));
    }
  };
  inside.listeners.add(hear);
  signal.addEventListener('abort', lose, {once: true});

  const call = async (): Promise<void> => {
    lost.signal.throwIfAborted();
    await clock.sleep(random.between(0, 20));
    lost.signal.throwIfAborted();
  };
  const answering = async (): Promise<void> => {
    await call();
    if (
      ![...inside.units.values()].some(unit => unit.exitCode === undefined && unit.answersAt <= clock.now())
    ) {
      throw new GuestError('CommandFailed', 'simulated: nothing listens there');
    }
  };

  return {
    lost: lost.signal,
    async units() {
      await call();
      return [...inside.units.values()].map(statusOfUnit);
    },
    async start({name, hash}) {
      await call();
      const present = inside.units.get(name);
      if (present?.exitCode === undefined && present?.hash === hash) {
        return {invocation: present.invocation, pid: present.pid};
      }

      const unit: SimulatedUnit = {
        name,
        hash,
        invocation: random.uuid(),
        pid: random.between(100, 30_000),
        answersAt: clock.now() + random.between(0, 1500),
        exitCode: undefined,
      };
      inside.units.set(name, unit);
      return {invocation: unit.invocation, pid: unit.pid};
    },
    async stop(name) {
      await call();
      const unit = inside.units.get(name);
      inside.units.delete(name);
      if (unit?.exitCode === undefined && unit !== undefined) {
        unit.exitCode = 143;
        for (const tell of [...inside.listeners]) {
          tell(unit);
        }
      }
    },
    checkTcp: answering,
    async checkHttp() {
      await answering();
      return 200;
    },
    checkCommand: answering,
    onExit(listener) {
      listeners.add(listener);
      return {[Symbol.dispose]: () => void listeners.delete(listener)};
    },
    async [Symbol.asyncDispose]() {
      lose();
    },
  };
}

function statusOfUnit(unit: SimulatedUnit): UnitStatus {
  const {name, hash, invocation, pid, exitCode} = unit;
  return {name, hash, invocation, ...(exitCode === undefined ? {pid} : {exit: exitOf(unit)})};
}

function exitOf({name, invocation, exitCode = 0}: SimulatedUnit) {
  return {name, invocation, exitCode, message: `simulated: it ended with ${exitCode}`};
}
