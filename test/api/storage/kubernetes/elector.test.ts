import test from 'ava';
import {silentLogger} from '../../../../api/effects/logger.ts';
import type {LeaseTimes} from '../../../../api/storage/kubernetes/elector.ts';
import {createElector, defaultLeaseTimes} from '../../../../api/storage/kubernetes/elector.ts';
import {createManualClock} from '../../../fakes/manual-clock.ts';
import {createSeededRandom} from '../../../simulation/seeded-random.ts';
import {createVirtualClock} from '../../../simulation/virtual-clock.ts';
import type {ElectionWorld, Replica} from './election-world.ts';
import {createElectionWorld} from './election-world.ts';

const start = Date.parse('2026-11-20T10:00:00.000Z');
const {duration, deadline, retry} = defaultLeaseTimes;

/** Milliseconds that the messages of a look and of taking the lease are under way. */
const underWay = 500;

function createWorld(seed: string, {speeds = [1, 1, 1], times = defaultLeaseTimes} = {}) {
  const random = createSeededRandom(seed);
  const clock = createVirtualClock(start, random.fork('clock'));
  const world = createElectionWorld({
    names: speeds.map((_, index) => `replica-${index}`),
    clock,
    random: random.fork('world'),
    times,
    speeds,
  });
  let end = start;
  return {
    random,
    clock,
    world,
    /** Runs for at most so long; `false` unless `stop` came true. */
    async run(milliseconds: number, stop: () => boolean = () => false) {
      end = clock.now() + milliseconds;
      await clock.run(end, stop);
      return stop();
    },
    async end() {
      for (const replica of world.replicas) {
        replica.cut = false;
        replica.stop();
      }

      await clock.run(clock.now() + 120_000);
      await Promise.all(world.replicas.map(({stopped}) => stopped));
    },
  };
}

function leadersOf({replicas}: ElectionWorld): readonly Replica[] {
  return replicas.filter(replica => replica.mayAct());
}

/** Faults of all kinds for ten minutes, then none; what was seen meanwhile. */
async function storm(seed: string, times: LeaseTimes = defaultLeaseTimes) {
  const shape = createSeededRandom(seed);
  // Clocks that differ in speed by up to a fifth.
  const speeds = [0, 1, 2].map(() => 0.9 + shape.fraction() * 0.2);
  const {world, clock, run, end, random} = createWorld(seed, {speeds, times});
  let most = 0;
  const look = () => {
    most = Math.max(most, leadersOf(world).length);
    return false;
  };
  for (const until = clock.now() + 600_000; clock.now() < until; ) {
    world.loss = random.chance(0.3) ? 0.4 : 0;
    for (const replica of world.replicas) {
      replica.cut = random.chance(0.15);
      if (random.chance(0.15)) {
        replica.pauseUntil(clock.now() + random.between(100, 40_000));
      }
    }

    await run(random.between(500, 20_000), look);
  }

  world.loss = 0;
  for (const replica of world.replicas) {
    replica.cut = false;
  }

  const recovered = await run(120_000, () => {
    look();
    return leadersOf(world).length === 1;
  });
  const {terms} = world;
  await end();
  return {most, recovered, terms};
}

test('whatever is lost, late, paused or cut off, and however clocks differ, never do two lead, and one does again', async t => {
  let changes = 0;
  for (let seed = 0; seed < 40; seed += 1) {
    const {most, recovered, terms} = await storm(`election ${seed}`);
    t.true(most <= 1, `seed ${seed}: ${most} led at once`);
    t.true(recovered, `seed ${seed}: nobody leads, two minutes after the last fault`);
    t.deepEqual(
      terms.map(({epoch}) => epoch),
      terms.map(({epoch}) => epoch).toSorted((one, other) => one - other),
      `seed ${seed}: a later term had an earlier epoch`,
    );
    t.is(new Set(terms.map(({epoch}) => epoch)).size, terms.length, `seed ${seed}: two terms had one epoch`);
    changes += terms.length;
  }

  t.true(changes > 100, `only ${changes} terms: the storm is none`);
});

test('the storm would show a leader that goes on for longer than its lease', async t => {
  const careless = {...defaultLeaseTimes, deadline: 2 * duration};
  for (let seed = 0; seed < 40; seed += 1) {
    if ((await storm(`election ${seed}`, careless)).most > 1) {
      t.pass();
      return;
    }
  }

  t.fail('nobody noticed');
});

test('when the leader dies, another leads within the term of the lease and one look', async t => {
  const {world, clock, run, end} = createWorld('death');
  await run(60_000, () => leadersOf(world).length === 1);
  const [first] = leadersOf(world);
  first?.pauseUntil(Number.MAX_SAFE_INTEGER);
  const died = clock.now();
  t.true(await run(60_000, () => leadersOf(world).length === 1));
  t.true(clock.now() - died <= duration + retry + underWay, `${clock.now() - died} ms`);
  t.not(leadersOf(world)[0]?.name, first?.name);
  first?.pauseUntil(0);
  await end();
});

test('a leader that ends in good order gives the lease back, so that another leads at its next look', async t => {
  const {world, clock, run, end} = createWorld('handover');
  await run(60_000, () => leadersOf(world).length === 1);
  const [first] = leadersOf(world);
  first?.stop();
  const stopped = clock.now();
  t.true(await run(60_000, () => leadersOf(world).some(({name}) => name !== first?.name)));
  t.true(clock.now() - stopped <= retry + 1500, `${clock.now() - stopped} ms`);
  await end();
  t.is(world.lease()?.holder, '', 'the last one gives it back, too');
});

test('a leader that is cut off stops to act before its lease is over, and says who leads once it can see again', async t => {
  const {world, clock, run, end} = createWorld('cut');
  await run(60_000, () => leadersOf(world).length === 1);
  const [first] = leadersOf(world);
  t.truthy(first);
  if (first !== undefined) {
    first.cut = true;
    const cut = clock.now();
    t.true(await run(60_000, () => !first.mayAct()));
    t.true(clock.now() - cut <= deadline, `${clock.now() - cut} ms`);
    t.true(await run(60_000, () => leadersOf(world).length === 1));
    first.cut = false;
    t.true(await run(60_000, () => first.elector.standing().leader === leadersOf(world)[0]?.name));
    t.false(first.elector.standing().leading);
  }

  await end();
});

test('a leader that stood still, and goes on after its lease is over, may not act even once', async t => {
  const {world, clock, run, end} = createWorld('frozen');
  await run(60_000, () => leadersOf(world).length === 1);
  const [first] = leadersOf(world);
  const until = clock.now() + 3 * duration;
  first?.pauseUntil(until);
  const acted = await run(4 * duration, () => clock.now() >= until && first?.mayAct() === true);
  t.false(acted);
  t.is(world.terms.length, 2);
  await end();
});

test('a candidate whose request is not answered gives it up in time, and at once when it is asked to end', async t => {
  const clock = createManualClock();
  const stopping = new AbortController();
  const asked: AbortSignal[] = [];
  const elector = createElector({
    identity: 'a',
    lease: {
      read: async () => undefined,
      async write() {
        throw new Error('it has no epoch');
      },
    },
    beginEpoch: async signal => {
      asked.push(signal);
      return await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), {once: true});
      });
    },
    clock,
    elapsed: clock.now,
    random: createSeededRandom('unanswered'),
    log: silentLogger,
    async lead() {
      t.fail('it leads');
    },
  });
  const running = elector.run(stopping.signal);
  await clock.advance(2 * retry - 1);
  t.deepEqual(
    asked.map(({aborted}) => aborted),
    [false],
  );
  await clock.advance(1 + retry);
  t.deepEqual(
    asked.map(({aborted}) => aborted),
    [true, false],
  );
  stopping.abort();
  await running;
  t.true(asked.at(-1)?.aborted);
});
