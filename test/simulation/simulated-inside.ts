import {z} from 'zod';
import type {FakeInstance} from '../fakes/fake-backend.ts';
import type {FakeInside} from '../fakes/fake-transfer.ts';
import type {SimulatedProcess} from './simulated-process.ts';

/** A service of an instance, as its init system has it. */
export type SimulatedUnit = {
  readonly name: string;
  readonly hash: string;
  readonly invocation: string;
  readonly pid: number;
  /** Milliseconds since 1970 from when on it answers. */
  readonly answersAt: number;
  /** Undefined while it runs. */
  exitCode: number | undefined;
};

/** What is in one instance. The disk outlives a stop; what runs does not. */
export type Inside = {
  clone: {readonly commit: string; readonly branch: string; bundleCommit?: string} | undefined;
  /** Whether somebody has worked in it since the last commit and push. */
  unsaved: boolean;
  /** The agent that has ended all that people had running in it, and lets nobody in as long as it lives and goes on with what it did that for. */
  emptiedBy: SimulatedProcess | undefined;
  /** How often somebody has worked in it. */
  work: number;
  /** By hash: how it ends, and when. */
  readonly setups: Map<
    string,
    {readonly endsAt: number; readonly exitCode: number; readonly run: number | undefined}
  >;
  readonly units: Map<string, SimulatedUnit>;
  /** `startedAt` of the run that `units` belong to. */
  run: number | undefined;
  /** Milliseconds that sshd needs after a start. */
  boot: number;
  /** Each is told of exits of units, and of the end of the run by undefined. */
  readonly listeners: Set<(exit: SimulatedUnit | undefined) => void>;
};

export type Insides = {
  of(instance: FakeInstance): Inside;
  /** Everything that runs in it ends. */
  stopped(instance: FakeInstance): void;
  /** What goes along when an instance is moved: all that is on its disk. */
  readonly packing: FakeInside;
};

const packedInside = z.object({
  clone: z.custom<Inside['clone']>().optional(),
  unsaved: z.boolean(),
  work: z.number(),
  setups: z.array(
    z.tuple([z.string(), z.object({endsAt: z.number(), exitCode: z.number(), run: z.number().optional()})]),
  ),
});

export function createInsides(bootTime: () => number): Insides {
  const insides = new WeakMap<FakeInstance, Inside>();

  const of = (instance: FakeInstance): Inside => {
    const known = insides.get(instance) ?? {
      clone: undefined,
      unsaved: false,
      emptiedBy: undefined,
      work: 0,
      setups: new Map(),
      units: new Map(),
      run: undefined,
      boot: bootTime(),
      listeners: new Set(),
    };
    insides.set(instance, known);
    if (known.run !== instance.startedAt) {
      known.run = instance.startedAt;
      known.boot = bootTime();
      known.emptiedBy = undefined;
      known.units.clear();
    }

    return known;
  };

  return {
    of,
    packing: {
      pack(instance) {
        const {clone, unsaved, work, setups} = of(instance);
        return {clone, unsaved, work, setups: [...setups]};
      },
      unpack(instance, packed) {
        const inside = of(instance);
        const {clone, unsaved, work, setups} = packedInside.parse(packed);
        inside.clone = clone;
        inside.work = work;
        inside.unsaved = unsaved;
        for (const [hash, setup] of setups) {
          inside.setups.set(hash, {...setup, run: setup.run});
        }
      },
    },
    stopped(instance) {
      const inside = of(instance);
      inside.units.clear();
      for (const tell of [...inside.listeners]) {
        tell(undefined);
      }
    },
  };
}
