import {notConverged, orphans} from './convergence.ts';
import type {Climate} from './misfortune.ts';
import {applyClimate, calm, drawClimate, revive, strike} from './misfortune.ts';
import {operate, settleNodes} from './operators.ts';
import {actAsUser, actByHand} from './people.ts';
import type {SeededRandom} from './seeded-random.ts';
import type {Violation} from './violation.ts';
import {Violation as ViolationError} from './violation.ts';
import type {World} from './world.ts';
import {createWorld} from './world.ts';

export type SeedResult = {
  readonly seed: string;
  readonly violations: readonly Violation[];
  readonly trace: readonly string[];
  /** Virtual milliseconds from the end of all faults until everything was as declared. */
  readonly convergedAfter: number | undefined;
  readonly steps: number;
};

/** Seeds that begin so are about installations in which nodes are drained. */
export const drainPrefix = 'drain-';

/** Milliseconds of virtual time. */
const patience = 30 * 60_000;
const quietTime = 10 * 60_000;

/** Timers that fire in one run; a run that needs more is going round in circles. */
const mostSteps = 60_000;

export type SeedOptions = {
  readonly withLogs?: boolean;
  /** Looks at the world before it is taken down. */
  readonly onEnd?: (world: World) => Promise<void>;
};

/** One life of a small installation: troubled, then calm, then quiet. */
export async function runSeed(seed: string, options: SeedOptions = {}): Promise<SeedResult> {
  const {withLogs = false, onEnd = async () => {}} = options;
  const drains = seed.startsWith(drainPrefix);
  await using world = await createWorld({seed, nodes: drains ? 3 : seedNodes(seed), withLogs});
  const random = world.random.fork('fate');
  for (const node of world.nodes) {
    await node.startAgent();
  }

  world.startServer();
  await trouble(world, random, drains);
  await calm(world);
  if (drains) {
    await settleNodes(world, random);
  }

  const calmSince = world.clock.now();
  const convergedAt = await converge(world, calmSince + patience);
  if (convergedAt !== undefined) {
    await checkQuiet(world);
  }

  await checkBounds(world);
  await onEnd(world);
  return {
    seed,
    violations: world.violations,
    trace: world.trace.lines,
    convergedAfter: convergedAt === undefined ? undefined : convergedAt - calmSince,
    steps: world.clock.steps,
  };
}

function seedNodes(seed: string): number {
  return 1 + ((seed.length + (seed.codePointAt(seed.length - 1) ?? 0)) % 2);
}

async function trouble(world: World, random: SeededRandom, drains: boolean): Promise<void> {
  const climate: Climate = drawClimate(random);
  const end = world.clock.now() + random.between(30_000, 180_000);
  const rhythm = random.between(500, 8000);
  applyClimate(world, climate);
  while (world.clock.now() < end && world.violations.length === 0) {
    await world.clock.run(world.clock.now() + random.between(0, rhythm));
    if (drains && random.chance(0.3)) {
      await operate(world, random);
    } else if (random.chance(climate.hand)) {
      await actByHand(world, random);
    } else if (random.chance(climate.outage)) {
      strike(world, climate, random);
    } else {
      await actAsUser(world, random);
    }

    await revive(world, random);
  }

  // Some of it last, so that nothing that anybody declares later mends it by the way.
  for (let blows = random.between(0, 4); blows > 0; blows -= 1) {
    await actByHand(world, random);
    if (random.chance(climate.outage)) {
      strike(world, climate, random);
    }

    await world.clock.run(world.clock.now() + random.between(0, 3000));
  }
}

/** Runs until all is as declared; the time then, or undefined when that does not come. */
async function converge(world: World, deadline: number): Promise<number | undefined> {
  let wrong: string[] = [];
  while (world.clock.now() < deadline && world.violations.length === 0) {
    if (world.server === undefined) {
      // It ended because a later one ruled its nodes, and is started anew by what watches over it.
      world.startServer();
    }

    await world.clock.run(world.clock.now() + 1000, () => world.clock.steps > mostSteps);
    if (world.clock.steps > mostSteps) {
      world.report(
        new ViolationError(
          'NoHotLoop',
          `${mostSteps} steps were not enough: ${(await notConverged(world)).join('; ')}`,
        ),
      );
    }

    wrong = [...(await notConverged(world)), ...(await orphans(world))];
    if (wrong.length === 0) {
      return world.clock.now();
    }
  }

  if (world.violations.length === 0) {
    const left = await notConverged(world);
    const [invariant, what] =
      left.length === 0 ? (['NoOrphan', wrong] as const) : (['Convergence', left] as const);
    world.report(new ViolationError(invariant, `half an hour after the last fault: ${what.join('; ')}`));
  }

  return undefined;
}

/** Nothing is declared, nothing breaks: nothing is to be done, and everything stays as it is. */
async function checkQuiet(world: World): Promise<void> {
  await world.clock.run(world.clock.now() + 60_000);
  const before = await activity(world);
  await world.clock.run(world.clock.now() + quietTime);
  const after = await activity(world);
  const {items} = await world.storage.list('Workspace');
  const subjects = items.length + world.nodes.length;
  const minutes = quietTime / 60_000;
  const excess = [
    ['writes', after.writes - before.writes, subjects * minutes * 1.5],
    ['reconciles', after.reconciles - before.reconciles, subjects * minutes * 10],
    ['changes asked of agents', after.changes - before.changes, 0],
  ] as const;
  for (const [what, count, most] of excess) {
    if (count > most) {
      world.report(
        new ViolationError(
          'NoHotLoop',
          `${count} ${what} in ${minutes} quiet minutes, ${most} would be enough`,
        ),
      );
    }
  }

  const wrong = await notConverged(world);
  if (wrong.length > 0) {
    world.report(new ViolationError('Convergence', `it did not last: ${wrong.join('; ')}`));
  }
}

async function activity(world: World): Promise<{writes: number; reconciles: number; changes: number}> {
  const {resourceVersion} = await world.storage.list('Workspace');
  const metric = await world.server?.registry.getSingleMetric('controller_runtime_reconcile_total')?.get();
  return {
    writes: Number(resourceVersion),
    reconciles: (metric?.values ?? []).reduce((sum, {value}) => sum + value, 0),
    changes: world.network.changes,
  };
}

/** Nobody but their owners has touched what is not ours, and events did not pile up. */
async function checkBounds(world: World): Promise<void> {
  const here = new Set(
    world.nodes.flatMap(({name, driver}) =>
      [...driver.backend.instances.values()]
        .filter(({state}) => state === 'Stopped')
        .map(instance => `${name}/${instance.name}`),
    ),
  );
  for (const stranger of world.strangers) {
    if (!here.has(stranger)) {
      world.report(new ViolationError('StrangersUntouched', `${stranger} is not as its owner left it`));
    }
  }

  const {items} = await world.storage.list('Event');
  const objects = new Set(items.map(({spec}) => spec.regarding.uid ?? spec.regarding.name));
  const most = 150 * Math.max(1, objects.size);
  if (items.length > most) {
    world.report(new ViolationError('EventsBounded', `${items.length} events about ${objects.size} objects`));
  }
}
