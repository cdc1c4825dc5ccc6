import test from 'ava';
import fc from 'fast-check';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import type {Action} from '../../../controller/workspace/action.ts';
import type {Desired} from '../../../controller/workspace/desired.ts';
import {authorizedKeysHash} from '../../../controller/workspace/hashes.ts';
import {plan} from '../../../controller/workspace/plan.ts';
import type {Sight} from '../../../controller/workspace/sight.ts';
import type {Release, Situation} from '../../../controller/workspace/situation.ts';
import {
  commit,
  desiredFor,
  healthyInstance,
  now,
  ports,
  situationOf,
  uid,
  without,
  workspaceOf,
} from './fixtures.ts';

/** The instance after an action has had its effect, as the protocol describes it. */
function apply(instance: Instance | undefined, action: Action): Instance | undefined {
  if (action.type === 'Create') {
    const {specHash, limits, authorizedKeys} = action.spec;
    const made = without(
      healthyInstance({
        state: 'Stopped',
        sshReady: false,
        specHash,
        limits: {...limits},
        authorizedKeysHash: authorizedKeysHash(authorizedKeys),
        forwards: instance?.forwards ?? [],
      }),
      'repository',
      'setup',
      'servicesHash',
      'startedAt',
    );
    return {...made, services: []};
  }

  if (instance === undefined) {
    return action.type === 'SetForwards'
      ? {...healthyInstance(), state: 'Missing', forwards: listening(action.forwards)}
      : undefined;
  }

  const idle = without(instance, 'operation');
  const at = '2026-11-20T10:00:00.000Z';
  switch (action.type) {
    case 'Start':
      return {...idle, state: 'Running', sshReady: true};
    case 'Stop':
      return {...idle, state: 'Stopped', sshReady: false};
    case 'Unfreeze':
      return {...idle, state: 'Running'};
    case 'Rename':
      return {...idle, name: `nexus-${uid}`};
    case 'Restore':
      return without(idle, 'retired');
    case 'Delete':
      return action.mode === 'always' || idle.repository?.unsaved !== true
        ? undefined
        : {
            ...idle,
            state: 'Stopped',
            sshReady: false,
            forwards: [],
            retired: {at, until: '2026-11-27T10:00:00.000Z'},
          };
    case 'SetLimits':
      return {...idle, limits: {...action.limits}};
    case 'SetAuthorizedKeys':
      return {...idle, authorizedKeysHash: authorizedKeysHash(action.keys)};
    case 'SetForwards':
      return {...instance, forwards: listening(action.forwards)};
    case 'Clone':
      return {...idle, repository: {commit, branch: 'main', clonedAt: at, observedAt: at}};
    case 'Fetch':
      return {...idle, repository: {commit, clonedAt: at, observedAt: at, bundleCommit: 'b'.repeat(40)}};
    case 'Setup':
      return {...idle, setup: {hash: action.hash, state: 'Succeeded'}};
    case 'ApplyServices':
      return {...idle, servicesHash: action.hash};
  }
}

function listening(forwards: readonly {name: string; nodePort: number; targetPort: number}[]) {
  return forwards.map(forward => ({...forward, state: 'Listening' as const}));
}

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, {nil: undefined});
const state = fc.constantFrom('Running', 'Stopped', 'Frozen', 'Error' as const);
const stale = fc.constantFrom('stale' as const, 'right' as const, undefined);

/** Any instance that could be found, whoever did what to it. */
const anyInstance: fc.Arbitrary<Instance> = fc
  .record({
    state,
    sshReady: fc.boolean(),
    name: fc.constantFrom(`nexus-${uid}`, 'mine'),
    specHash: stale,
    setup: optional(fc.constantFrom('Running', 'Succeeded', 'Failed' as const)),
    services: stale,
    keys: stale,
    cloned: fc.boolean(),
    unsaved: optional(fc.boolean()),
    limits: fc.boolean(),
    forwards: fc.subarray(ports),
    extra: fc.boolean(),
    retired: fc.boolean(),
    operation: optional(fc.constantFrom('Start', 'Clone', 'Setup', 'Fetch', 'Stop' as const)),
    age: fc.integer({min: 0, max: 20_000_000}),
  })
  .map(found => {
    const right = healthyInstance();
    const at = '2026-11-20T09:00:00.000Z';
    const pick = (choice: 'stale' | 'right' | undefined, value: string | undefined) =>
      choice === 'right' ? value : choice;
    const base = without(right, 'specHash', 'setup', 'servicesHash', 'authorizedKeysHash', 'repository');
    const specHash = pick(found.specHash, right.specHash);
    const servicesHash = pick(found.services, right.servicesHash);
    const keys = pick(found.keys, right.authorizedKeysHash);
    const startedAt = new Date(now - found.age).toISOString();
    return {
      ...base,
      state: found.state,
      name: found.name,
      startedAt,
      sshReady: found.sshReady && found.state === 'Running',
      forwards: listening([
        ...found.forwards,
        ...(found.extra ? [{name: 'x', nodePort: 23999, targetPort: 1}] : []),
      ]),
      limits: found.limits ? {cpus: 1, memory: 1, disk: 1} : {...desiredFor().instance.limits},
      ...(specHash !== undefined && {specHash}),
      ...(servicesHash !== undefined && {servicesHash}),
      ...(keys !== undefined && {authorizedKeysHash: keys}),
      ...(found.setup !== undefined && {setup: {hash: right.setup?.hash ?? '', state: found.setup}}),
      ...(found.cloned && {
        repository: {
          commit,
          clonedAt: at,
          observedAt: at,
          ...(found.unsaved !== undefined && {unsaved: found.unsaved}),
        },
      }),
      ...(found.retired && found.state === 'Stopped' && {retired: {at, until: '2026-11-27T09:00:00.000Z'}}),
      ...(found.operation !== undefined && {operation: {kind: found.operation, startedAt}}),
    };
  });

const anyDesired: fc.Arbitrary<Desired> = fc
  .record({
    running: fc.boolean(),
    deletion: fc.constantFrom(undefined, 'ifSaved' as const, 'force' as const),
    recreate: fc.constantFrom('no', 'ifSaved', 'force' as const),
    repo: fc.boolean(),
  })
  .map(({running, deletion, recreate, repo}) => ({
    ...desiredFor(workspaceOf({running, ...(!repo && {repo: undefined})})),
    deletion: deletion ?? 'no',
    recreate,
  }));

type Run = {
  readonly actions: Action[];
  readonly release?: Release;
  readonly instance?: Instance;
  readonly status: Situation['status'];
};

/** Carries out plans until there is nothing to do; operations that are waited for end by themselves. */
function run(
  desired: Desired,
  found: Instance | undefined,
  {
    visit,
    since,
  }: {visit?: (sight: Sight, actions: readonly Action[]) => void; since?: Situation['status']} = {},
): Run {
  let instance = found;
  const actions: Action[] = [];
  let status: Situation['status'] = since ?? {node: 'one', ports};
  for (let step = 0; step < 30; step += 1) {
    const sight: Sight =
      instance === undefined || instance.state === 'Missing'
        ? {kind: 'Absent', nodeTime: now, ...(instance !== undefined && {last: instance})}
        : {kind: 'Present', nodeTime: now, instance};
    const next = plan(situationOf({desired, sight, status}));
    visit?.(sight, next.actions);
    if (next.release !== undefined) {
      return {actions, release: next.release, status, ...(instance !== undefined && {instance})};
    }

    if (next.actions.length === 0) {
      if (next.wait?.reason === 'UnsavedWork') {
        status = {...status, conditions: [unsavedWork]};
      }

      if (next.wait === undefined) {
        return {actions, status, ...(instance !== undefined && {instance})};
      }

      // What is waited for comes: the operation ends, sshd answers.
      instance =
        instance === undefined
          ? undefined
          : {...without(instance, 'operation'), sshReady: instance.state === 'Running'};
    }

    for (const action of next.actions) {
      actions.push(action);
      instance = apply(instance, action);
      if (instance?.retired !== undefined) {
        status = {...status, conditions: [unsavedWork]};
      }
    }
  }

  throw new Error(`no end in sight: ${actions.map(({type}) => type).join(', ')}`);
}

const unsavedWork = {
  type: 'UpToDate',
  status: 'False' as const,
  reason: 'UnsavedWork',
  message: '',
  lastTransitionTime: '2026-11-20T09:00:00.000Z',
};

const runs = {numRuns: 3000};

test('from whatever is found, carrying out plans comes to an end, and to what is wanted', t => {
  fc.assert(
    fc.property(anyDesired, optional(anyInstance), (desired, found) => {
      const {release, instance} = run(desired, found);
      if (desired.deletion !== 'no') {
        t.truthy(release);
      } else if (desired.running) {
        t.is(instance?.state, 'Running');
        t.is(instance?.forwards.length, 3);
        t.truthy(instance?.servicesHash);
      } else {
        t.true(instance === undefined || instance.state === 'Stopped' || instance.state === 'Missing');
      }
    }),
    runs,
  );
});

test('once all is done, planning again plans nothing', t => {
  fc.assert(
    fc.property(anyDesired, optional(anyInstance), (desired, found) => {
      const first = run(desired, found);
      if (first.release === undefined) {
        t.deepEqual(run(desired, first.instance, {since: first.status}).actions, []);
      }
    }),
    runs,
  );
});

test('nothing is created where an instance is, and nothing deleted but for deletion, replacement or a creation that hangs', t => {
  fc.assert(
    fc.property(anyDesired, optional(anyInstance), (desired, found) => {
      const visit = (sight: Sight, actions: readonly Action[]) => {
        for (const {type} of actions) {
          if (type === 'Create') {
            t.is(sight.kind, 'Absent');
            t.is(desired.deletion, 'no');
          }

          if (type === 'Delete') {
            const isReplaced =
              sight.kind === 'Present' &&
              sight.instance.specHash !== desired.instance.specHash &&
              desired.recreate !== 'no';
            t.true(desired.deletion !== 'no' || isReplaced);
          }
        }
      };
      run(desired, found, {visit});
    }),
    runs,
  );
});

test('unsaved work is destroyed only by force', t => {
  fc.assert(
    fc.property(anyDesired, anyInstance, (desired, found) => {
      const {instance} = run(desired, found);
      const isForced = desired.deletion === 'force' || desired.recreate === 'force';
      if (found.repository?.unsaved === true && !isForced) {
        t.is(instance?.repository?.unsaved, true);
      }
    }),
    runs,
  );
});

test('nothing is asked of a node that is silent, whatever is wanted', t => {
  fc.assert(
    fc.property(anyDesired, anyInstance, (desired, last) => {
      const silent: Sight = {kind: 'Unknown', cause: {type: 'NodeUnreachable', node: 'one'}, last};
      t.deepEqual(plan(situationOf({desired, sight: silent})).actions, []);
      t.deepEqual(plan(situationOf({desired, sight: {kind: 'Quiet', expiresAt: now + 1, last}})).actions, []);
    }),
  );
});
