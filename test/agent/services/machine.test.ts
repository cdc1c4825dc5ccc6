import test from 'ava';
import fc from 'fast-check';
import type {ServiceEffect, Step} from '../../../agent/services/advance.ts';
import {backOff} from '../../../agent/services/back-off.ts';
import type {ServiceEvent} from '../../../agent/services/machine.ts';
import {step} from '../../../agent/services/machine.ts';
import type {UnitStatus} from '../../../agent/services/service-host.ts';
import type {Model} from '../../../agent/services/service-model.ts';
import {emptyModel} from '../../../agent/services/service-model.ts';
import type {Service, ServiceState} from '../../../api/v1alpha1/service.ts';

function service(name: string, rest: Partial<Service> = {}): Service {
  return {name, command: `run ${name}`, dependsOn: [], restart: 'always', env: {}, port: 80, ...rest};
}

/** Plays events at given times, and remembers what came of them. */
function play() {
  let model: Model = emptyModel;
  let now = 0;
  let wakeAt: number | undefined;
  let effects: readonly ServiceEffect[] = [];
  const send = (event: ServiceEvent) => {
    const next: Step = step(model, event, now);
    ({model, effects, wakeAt} = next);
    return effects.map(({type, name}) => `${type} ${name}`);
  };
  const run = (name: string) => model.services.find(({spec}) => spec.name === name)?.run ?? -1;
  return {
    send,
    declare: (...services: Service[]) =>
      send({
        type: 'Declared',
        services: services.map(spec => ({spec, hash: `${spec.command} ${spec.port}`})),
      }),
    up: (...units: UnitStatus[]) => send({type: 'Up', units}),
    started: (name: string, invocation = `${name}-${run(name)}`) =>
      send({type: 'Started', name, run: run(name), started: {invocation, pid: 7}}),
    passed: (name: string) => send({type: 'Checked', name, run: run(name)}),
    failed: (name: string, failure = 'no answer') => send({type: 'Checked', name, run: run(name), failure}),
    exited: (name: string, exitCode: number, invocation = `${name}-${run(name)}`) =>
      send({type: 'Exited', exit: {name, invocation, exitCode, message: `exited with code ${exitCode}`}}),
    stopped: (name: string) => send({type: 'Stopped', name, run: run(name)}),
    tick(milliseconds: number) {
      now += milliseconds;
      return send({type: 'Tick'});
    },
    state: (name: string) => model.services.find(({spec, removed}) => spec.name === name && !removed)?.state,
    of: (name: string) => model.services.find(({spec}) => spec.name === name),
    /** Starts it and makes it healthy. */
    healthy(name: string) {
      this.started(name);
      this.passed(name);
    },
    get wakeIn() {
      return wakeAt === undefined ? undefined : wakeAt - now;
    },
    get now() {
      return now;
    },
  };
}

test('nothing starts before the instance is there', t => {
  const p = play();
  t.deepEqual(p.declare(service('db')), []);
  t.is(p.state('db'), 'Pending');
  t.deepEqual(p.up(), ['Start db']);
  t.is(p.state('db'), 'Starting');
});

test('a service waits until all that it depends on is healthy', t => {
  const p = play();
  p.declare(service('web', {dependsOn: ['api', 'db']}), service('api', {dependsOn: ['db']}), service('db'));
  t.deepEqual(p.up(), ['Start db']);
  t.is(p.state('web'), 'Waiting');
  t.deepEqual(p.started('db'), ['Check db']);
  t.deepEqual(p.failed('db'), []);
  t.deepEqual(p.tick(100), ['Check db']);
  t.deepEqual(p.passed('db'), ['Start api']);
  p.started('api');
  t.deepEqual(p.passed('api'), ['Start web']);
});

test('a dependency that did what it had to do counts as there', t => {
  const p = play();
  p.declare(service('migrate', {restart: 'never'}), service('api', {dependsOn: ['migrate']}));
  p.up();
  p.started('migrate');
  t.deepEqual(p.exited('migrate', 0), ['Start api']);
  t.is(p.state('migrate'), 'Exited');
});

test('a dependency that failed for good holds back what needs it', t => {
  const p = play();
  p.declare(service('migrate', {restart: 'never'}), service('api', {dependsOn: ['migrate']}));
  p.up();
  p.started('migrate');
  t.deepEqual(p.exited('migrate', 1), []);
  t.is(p.state('migrate'), 'Failed');
  t.is(p.state('api'), 'Waiting');
});

test('a dependency that fails later does not touch what runs', t => {
  const p = play();
  p.declare(service('db'), service('api', {dependsOn: ['db']}));
  p.up();
  p.healthy('db');
  p.healthy('api');
  t.deepEqual(p.exited('db', 1), []);
  t.is(p.state('db'), 'BackOff');
  t.is(p.state('api'), 'Healthy');
});

const policies: {restart: Service['restart']; exitCode: number; state: ServiceState}[] = [
  {restart: 'always', exitCode: 0, state: 'BackOff'},
  {restart: 'always', exitCode: 1, state: 'BackOff'},
  {restart: 'on-failure', exitCode: 0, state: 'Exited'},
  {restart: 'on-failure', exitCode: 1, state: 'BackOff'},
  {restart: 'never', exitCode: 0, state: 'Exited'},
  {restart: 'never', exitCode: 1, state: 'Failed'},
];

for (const {restart, exitCode, state} of policies) {
  test(`restart ${restart}, exit code ${exitCode}: ${state}`, t => {
    const p = play();
    p.declare(service('web', {restart}));
    p.up();
    p.healthy('web');
    p.exited('web', exitCode);
    t.is(p.state('web'), state);
    t.is(p.of('web')?.exitCode, exitCode);
    t.is(p.of('web')?.lastError, exitCode === 0 ? undefined : 'exited with code 1');
    t.is(p.wakeIn, state === 'BackOff' ? 1000 : undefined);
  });
}

test('the wait between restarts doubles up to a minute, and restarts are counted', t => {
  const p = play();
  p.declare(service('web'));
  p.up();
  const waits: (number | undefined)[] = [];
  for (let count = 0; count < 9; count += 1) {
    p.started('web');
    p.exited('web', 1);
    waits.push(p.wakeIn);
    t.deepEqual(p.tick((p.wakeIn ?? 0) - 1), []);
    t.deepEqual(p.tick(1), ['Start web']);
  }
  t.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  t.is(p.of('web')?.restarts, 9);
  t.is(backOff(10_000), 60_000);
});

test('after a minute of health the wait is short again and the old failure forgotten', t => {
  const p = play();
  p.declare(service('web'));
  p.up();
  for (let count = 0; count < 4; count += 1) {
    p.started('web');
    p.exited('web', 1);
    p.tick(p.wakeIn ?? 0);
  }
  p.healthy('web');
  t.is(p.of('web')?.lastError, 'exited with code 1');
  p.tick(60_000);
  t.is(p.of('web')?.lastError, undefined);
  p.exited('web', 1);
  t.is(p.wakeIn, 1000);
});

test('failures within the start period do not count, and checks come soon at first', t => {
  const p = play();
  p.declare(
    service('web', {healthCheck: {http: '/', interval: '5s', timeout: '2s', retries: 1, startPeriod: '10s'}}),
  );
  p.up();
  p.started('web');
  const intervals: number[] = [];
  while (p.now < 9900) {
    p.failed('web');
    intervals.push(p.wakeIn ?? 0);
    p.tick(p.wakeIn ?? 0);
  }
  t.is(intervals[0], 100);
  t.true(Math.max(...intervals) <= 1000);
  t.is(p.state('web'), 'Starting');
  p.tick(1000);
  p.failed('web');
  t.is(p.state('web'), 'Unhealthy');
});

test('a healthy service turns unhealthy after so many failures in a row, and recovers with one success', t => {
  const p = play();
  p.declare(
    service('web', {healthCheck: {tcp: 80, interval: '5s', timeout: '2s', retries: 3, startPeriod: '30s'}}),
  );
  p.up();
  p.healthy('web');
  t.is(p.wakeIn, 5000);
  for (const state of ['Healthy', 'Healthy', 'Unhealthy'] as const) {
    t.deepEqual(p.tick(5000), ['Check web']);
    p.failed('web', 'refused');
    t.is(p.state('web'), state);
  }
  t.is(p.of('web')?.lastError, 'refused');
  p.tick(5000);
  p.passed('web');
  t.is(p.state('web'), 'Healthy');
  t.is(p.of('web')?.lastError, undefined);
});

test('a process without a port is healthy once it has run for half a second, without any check', t => {
  const p = play();
  p.declare({name: 'worker', command: 'work', dependsOn: [], restart: 'always', env: {}});
  p.up();
  t.deepEqual(p.started('worker'), []);
  t.is(p.state('worker'), 'Starting');
  t.deepEqual(p.tick(500), []);
  t.is(p.state('worker'), 'Healthy');
  t.is(p.wakeIn, undefined);
});

test('an exit that is told before the start is answered counts', t => {
  const p = play();
  p.declare(service('web'));
  p.up();
  p.exited('web', 3, 'one');
  t.is(p.state('web'), 'Starting');
  p.started('web', 'one');
  t.is(p.state('web'), 'BackOff');
  t.is(p.of('web')?.exitCode, 3);
});

test('an exit of an earlier run is ignored, whenever it comes', t => {
  const p = play();
  p.declare(service('web'));
  p.up();
  p.exited('web', 3, 'before');
  p.started('web', 'now');
  t.is(p.state('web'), 'Starting');
  p.exited('web', 3, 'before');
  t.is(p.state('web'), 'Starting');
});

test('answers to what was asked of an earlier run are ignored', t => {
  const p = play();
  p.declare(service('web'));
  p.up();
  p.started('web');
  const {run} = p.of('web') ?? {run: 0};
  p.exited('web', 1);
  p.send({type: 'Checked', name: 'web', run});
  t.is(p.state('web'), 'BackOff');
});

test('a start that fails is tried again like an exit', t => {
  const p = play();
  p.declare(service('web'));
  p.up();
  p.send({type: 'StartFailed', name: 'web', run: p.of('web')?.run ?? 0, message: 'no bash'});
  t.is(p.state('web'), 'BackOff');
  t.is(p.of('web')?.lastError, 'no bash');
});

test('only the service that changed is restarted', t => {
  const p = play();
  p.declare(service('db'), service('web', {dependsOn: ['db']}));
  p.up();
  p.healthy('db');
  p.healthy('web');
  t.deepEqual(p.declare(service('db', {command: 'other'}), service('web', {dependsOn: ['db']})), ['Stop db']);
  t.is(p.state('web'), 'Healthy');
  t.deepEqual(p.stopped('db'), ['Start db']);
});

test('a change of its health check or dependencies does not restart a service', t => {
  const p = play();
  p.declare(service('db'), service('web'));
  p.up();
  p.healthy('db');
  p.healthy('web');
  const check = {http: '/', interval: '1s', timeout: '1s', retries: 1, startPeriod: '1s'};
  t.deepEqual(p.declare(service('db'), service('web', {dependsOn: ['db'], healthCheck: check})), []);
  t.is(p.of('web')?.check.interval, 1000);
});

test('a removed service is stopped, and forgotten once it is', t => {
  const p = play();
  p.declare(service('db'), service('web'));
  p.up();
  p.healthy('web');
  t.deepEqual(p.declare(service('db')), ['Stop web']);
  t.is(p.state('web'), undefined);
  p.stopped('web');
  t.is(p.of('web'), undefined);
});

test('when the instance stops nothing is kept, and all starts again in order', t => {
  const p = play();
  p.declare(service('db'), service('web', {dependsOn: ['db']}));
  p.up();
  p.healthy('db');
  p.healthy('web');
  t.deepEqual(p.send({type: 'Down'}), []);
  t.is(p.state('db'), 'Pending');
  t.is(p.wakeIn, undefined);
  t.deepEqual(p.up(), ['Start db']);
});

test('what ran on while the agent was away is taken over, not started again', t => {
  const p = play();
  p.declare(service('db'), service('web', {dependsOn: ['db']}));
  const hash = 'run db 80';
  t.deepEqual(p.up({name: 'db', hash, invocation: 'x', pid: 5}), ['Check db']);
  t.is(p.of('db')?.pid, 5);
  t.is(p.of('db')?.restarts, 0);
});

test('what died while the agent was away is restarted by its policy', t => {
  const p = play();
  p.declare(service('a'), service('b', {restart: 'never'}));
  const exit = (name: string) => ({name, invocation: 'x', exitCode: 9, message: 'exited with code 9'});
  p.up(
    {name: 'a', hash: 'run a 80', invocation: 'x', exit: exit('a')},
    {name: 'b', hash: 'run b 80', invocation: 'x', exit: exit('b')},
  );
  t.is(p.state('a'), 'BackOff');
  t.is(p.state('b'), 'Failed');
});

test('what changed or was removed while the agent was away is replaced or stopped', t => {
  const p = play();
  p.declare(service('web'));
  t.deepEqual(
    p.up(
      {name: 'web', hash: 'old', invocation: 'x', pid: 5},
      {name: 'gone', hash: 'h', invocation: 'y', pid: 6},
    ),
    ['Stop web', 'Stop gone'],
  );
  t.is(p.state('gone'), undefined);
  t.deepEqual(p.stopped('web'), ['Start web']);
});

test('a session that comes again takes up checks and stops that were lost with the last', t => {
  const p = play();
  p.declare(service('a'), service('b'));
  p.up();
  p.started('a', 'i');
  p.started('b', 'j');
  p.declare(service('a'));
  t.deepEqual(
    p.up(
      {name: 'a', hash: 'run a 80', invocation: 'i', pid: 1},
      {name: 'b', hash: 'run b 80', invocation: 'j', pid: 2},
    ),
    ['Check a', 'Stop b'],
  );
});

for (const end of ['Failed', 'BackOff', 'Healthy'] as const) {
  test(`a restart that is asked for works when the service is ${end}`, t => {
    const p = play();
    p.declare(service('web', {restart: end === 'Failed' ? 'never' : 'always'}));
    p.up();
    p.healthy('web');
    if (end !== 'Healthy') {
      p.exited('web', 1);
    }
    t.is(p.state('web'), end);
    const effects = p.send({type: 'RestartAsked', name: 'web'});
    t.deepEqual(effects, end === 'Healthy' ? ['Stop web'] : ['Start web']);
    t.deepEqual(end === 'Healthy' ? p.stopped('web') : ['Start web'], ['Start web']);
  });
}

test('whatever happens, nothing is started twice or before its dependencies, and all is healthy in the end', t => {
  const graph: readonly Service[] = [
    service('a'),
    service('b', {dependsOn: ['a']}),
    service('c', {dependsOn: ['a', 'b']}),
    service('d'),
  ];
  const happening = fc.record({
    kind: fc.constantFrom('answer', 'answer', 'answer', 'exit', 'down', 'up', 'declare', 'restart', 'wait'),
    pick: fc.nat(1000),
    good: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(happening, {maxLength: 60}), happenings => {
      const p = play();
      /** What really runs: name to invocation. */
      const running = new Map<string, string>();
      const open: ServiceEffect[] = [];
      let invocations = 0;
      let up = false;
      const send = (event: ServiceEvent, time = 0) => {
        if (time > 0) {
          p.tick(time);
        }
        const before = new Set(graph.filter(({name}) => p.state(name) === 'Healthy').map(({name}) => name));
        p.send(event);
        for (const {spec, phase, run} of [
          ...['a', 'b', 'c', 'd'].map(p.of).filter(each => each !== undefined),
        ]) {
          const known = open.some(each => each.name === spec.name && each.run === run);
          if (phase === 'Starting' && !known) {
            if (!spec.dependsOn.every(name => before.has(name) || p.state(name) === 'Healthy')) {
              throw new Error(`${spec.name} before its dependencies`);
            }
            open.push({type: 'Start', name: spec.name, run});
          } else if (phase === 'Stopping' && !known) {
            open.push({type: 'Stop', name: spec.name, run});
          }
        }
      };
      const answer = (chosen: ServiceEffect, good: boolean) => {
        // Starts and stops of one service are carried out one after the other.
        const effect = open.find(({name}) => name === chosen.name) ?? chosen;
        const {type, name, run} = effect;
        open.splice(open.indexOf(effect), 1);
        if (!up) {
          return;
        }
        if (type === 'Stop') {
          running.delete(name);
          send({type: 'Stopped', name, run});
        } else if (good) {
          if (running.has(name) && p.of(name)?.run === run) {
            throw new Error(`${name} started twice`);
          }
          invocations += 1;
          running.set(name, `i${invocations}`);
          send({type: 'Started', name, run, started: {invocation: `i${invocations}`}});
        } else {
          send({type: 'StartFailed', name, run, message: 'no'});
        }
      };
      const check = (good: boolean) => {
        for (const {name} of graph) {
          const known = p.of(name);
          if (known?.checking && known.phase === 'Running') {
            send({type: 'Checked', name, run: known.run, ...(good ? {} : {failure: 'no'})});
          }
        }
      };
      const goUp = () => {
        // A new session: what was asked on the last one is never answered.
        open.length = 0;
        up = true;
        send({
          type: 'Up',
          units: [...running].map(([name, invocation]) => ({name, hash: p.of(name)?.hash ?? '', invocation})),
        });
      };
      const act: Record<(typeof happenings)[number]['kind'], (pick: number, good: boolean) => void> = {
        answer(pick, good) {
          const effect = open[pick % Math.max(open.length, 1)];
          if (effect !== undefined) {
            answer(effect, good);
          }
          check(good);
        },
        exit(pick) {
          const [name, invocation] = [...running][pick % Math.max(running.size, 1)] ?? [];
          if (up && name !== undefined && invocation !== undefined) {
            running.delete(name);
            send({type: 'Exited', exit: {name, invocation, exitCode: 1, message: 'exited with code 1'}});
          }
        },
        down() {
          up = false;
          running.clear();
          open.length = 0;
          send({type: 'Down'});
        },
        up: goUp,
        declare(pick) {
          const some = graph.filter((_, index) => index === 0 || (pick >> index) % 2 === 0);
          const closed = some.filter(({dependsOn}) =>
            dependsOn.every(name => some.some(other => other.name === name)),
          );
          p.declare(...closed);
          send({type: 'Tick'});
        },
        restart(pick) {
          send({type: 'RestartAsked', name: graph[pick % graph.length]?.name ?? ''});
        },
        wait: pick => send({type: 'Tick'}, pick * 10),
      };
      for (const {kind, pick, good} of happenings) {
        act[kind](pick, good);
      }
      p.declare(...graph);
      goUp();
      for (let round = 0; round < 200 && !graph.every(({name}) => p.state(name) === 'Healthy'); round += 1) {
        for (const effect of [...open]) {
          answer(effect, true);
        }
        check(true);
        send({type: 'Tick'}, 61_000);
      }
      t.deepEqual(
        graph.map(({name}) => p.state(name)),
        ['Healthy', 'Healthy', 'Healthy', 'Healthy'],
      );
    }),
    {numRuns: 300},
  );
});
