import test from 'ava';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import {decideMove} from '../../../controller/workspace/move.ts';
import type {Movement, MoveOptions} from '../../../controller/workspace/movement.ts';
import {plan} from '../../../controller/workspace/plan.ts';
import type {Candidate} from '../../../controller/workspace/schedule.ts';
import type {Sight} from '../../../controller/workspace/sight.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {
  desiredFor,
  healthyInstance,
  nodeOf,
  now,
  ports,
  present,
  situationOf,
  uid,
  without,
  workspaceOf,
} from './fixtures.ts';

const started = '2026-11-20T09:50:00.000Z';
const facts = nodeFactsAt('2026-11-20T10:00:00.000Z', {
  providers: [{name: 'lxc', backend: 'incus', version: '6', ready: true, transferFormat: 'lxd-image'}],
});

function candidate(name: string, changes: Partial<Candidate> = {}): Candidate {
  return {
    node: nodeOf(name, {address: `192.0.2.${name.length}`, unschedulable: name === 'one'}),
    facts,
    used: {cpus: 0, memory: 0, disk: 0},
    workspaces: 0,
    owned: 0,
    reserved: {cpus: 0, memory: 0, disk: 0},
    takenPorts: () => new Set(),
    ...changes,
  };
}

const migration = {
  source: 'one',
  target: 'three',
  transfer: 't1',
  phase: 'Copying',
  startedAt: '2026-11-20T09:59:00.000Z',
} as const;

const sealed = without(
  healthyInstance({
    state: 'Stopped',
    sshReady: false,
    forwards: [],
    lastStartedAt: started,
    departing: {transfer: 't1'},
  }),
  'startedAt',
);
const copy = (changes: Partial<Instance> = {}): Instance => ({
  ...without(sealed, 'departing', 'lastStartedAt'),
  incoming: {transfer: 't1', complete: true, sourceStartedAt: started},
  ...changes,
});
const absent: Sight = {kind: 'Absent', nodeTime: now};
const unknown: Sight = {kind: 'Unknown', cause: {type: 'NodeUnreachable', node: 'three'}};
const copying = {node: 'one', ports, migration};

function decide(changes: Partial<MoveOptions> = {}, workspace = workspaceOf()): Movement {
  return decideMove(workspace, {
    desired: desiredFor(workspace),
    sight: present(),
    status: {node: 'one', ports},
    drain: {},
    other: undefined,
    copy: undefined,
    candidates: () => [candidate('one'), candidate('three')],
    gateway: false,
    hasSlot: () => true,
    newTransfer: () => 't1',
    now,
    ...changes,
  });
}

/** Status after the write that a decision asks for. */
const written = (movement: Movement) => (movement.kind === 'Changed' ? movement.status : undefined);

test('a workspace whose node is not drained stays, and no node is looked at', t => {
  const candidates = () => t.fail() as never;
  t.is(decide({drain: undefined, candidates}).kind, 'Stays');
});

test('on a drained node it begins by saying where to, and nothing else changes', t => {
  t.like(written(decide()), {
    node: 'one',
    ports,
    migration: {...migration, startedAt: '2026-11-20T10:00:00.000Z'},
  });
});

const reasons: readonly (readonly [
  string,
  Partial<MoveOptions>,
  'CannotMove' | 'MoveQueued' | 'MoveFailed',
  RegExp,
])[] = [
  ['it is pinned', {}, 'CannotMove', /three: the workspace asks for node one/],
  ['others are on their way', {hasSlot: () => false}, 'MoveQueued', /its turn comes/],
  ['there is no other node', {candidates: () => [candidate('one')]}, 'CannotMove', /There is no other node/],
  ['the node that it is to go to is not there', {drain: {to: 'four'}}, 'CannotMove', /There is no node four/],
  ['its node does not answer', {sight: unknown}, 'CannotMove', /does not answer/],
  ['the time is over', {drain: {until: '2026-11-20T09:00:00.000Z'}}, 'CannotMove', /Its time is over/],
  [
    'its provider can not',
    {
      candidates: () => [
        candidate('one', {facts: nodeFactsAt('2026-11-20T10:00:00.000Z')}),
        candidate('three'),
      ],
    },
    'CannotMove',
    /provider lxc there can't be moved/,
  ],
  [
    'no other takes what it is moved as',
    {
      candidates: () => [
        candidate('one'),
        candidate('three', {facts: nodeFactsAt('2026-11-20T10:00:00.000Z')}),
      ],
    },
    'CannotMove',
    /three: its provider lxc does not take what is moved/,
  ],
  [
    'it failed a moment ago',
    {
      status: {
        node: 'one',
        ports,
        lastMove: {
          source: 'one',
          target: 'three',
          outcome: 'Failed',
          message: 'No space.',
          at: '2026-11-20T09:59:50.000Z',
          nextAttemptAt: '2026-11-20T10:00:50.000Z',
        },
      },
    },
    'MoveFailed',
    /failed: No space\. It is tried again at/,
  ],
];

for (const [title, changes, reason, message] of reasons) {
  test(`it stays, and says why, when ${title}`, t => {
    const movement = decide(changes, title === 'it is pinned' ? workspaceOf({node: 'one'}) : workspaceOf());
    t.is(movement.kind, 'Waits');
    if (movement.kind === 'Waits') {
      t.is(movement.reason, reason);
      t.regex(movement.message, message);
    }
  });
}

test('a new drain tries again at once what failed before it', t => {
  const lastMove = {
    source: 'one',
    target: 'three',
    outcome: 'Failed',
    message: '',
    at: '2026-11-20T09:59:50.000Z',
    nextAttemptAt: '2026-11-20T10:00:50.000Z',
  } as const;
  const drain = {requestedAt: '2026-11-20T09:59:55.000Z'};
  t.is(decide({drain, status: {node: 'one', ports, lastMove}}).kind, 'Changed');
});

test('what has nothing on its node is placed anew, once its ports there are closed', t => {
  const open = {...absent, last: {...healthyInstance(), state: 'Missing' as const}};
  t.is(decide({sight: open}).kind, 'Leaves');
  t.like(written(decide({sight: absent})), {node: 'three', migration: undefined});
});

test('it switches over when the copy is complete and the source as it was copied: node and ports in one write', t => {
  const status = written(decide({status: copying, sight: present(sealed), other: present(copy())}));
  t.like(status, {node: 'three', migration: {phase: 'Switched', sourceStartedAt: started}});
  t.is(status?.ports?.length, 3);
});

const doubts: readonly (readonly [string, {left?: Instance; arrived?: Instance}])[] = [
  ['the source runs', {left: {...sealed, state: 'Running'}}],
  ['the source has run since', {left: {...sealed, lastStartedAt: '2026-11-20T09:59:30.000Z'}}],
  ['the source is not sealed', {left: without(sealed, 'departing')}],
  ['the source is sealed for another move', {left: {...sealed, departing: {transfer: 't0'}}}],
  ['the source is busy', {left: {...sealed, operation: {kind: 'Export', startedAt: started}}}],
  ['a port of the source is open still', {left: {...sealed, forwards: healthyInstance().forwards}}],
  ['the copy is not complete', {arrived: copy({incoming: {transfer: 't1', complete: false}})}],
  ['the copy is of another move', {arrived: copy({incoming: {transfer: 't0', complete: true}})}],
  ['somebody has started the copy', {arrived: copy({state: 'Running'})}],
];

for (const [title, {left = sealed, arrived = copy()}] of doubts) {
  test(`it does not switch over when ${title}`, t => {
    const movement = decide({status: copying, sight: present(left), other: present(arrived)});
    t.is(movement.kind, 'Moves');
  });
}

test('a source that was deleted by hand leaves the complete copy as the workspace', t => {
  t.is(written(decide({status: copying, sight: absent, other: present(copy())}))?.node, 'three');
});

const endings: readonly (readonly [string, Partial<MoveOptions>, 'Failed' | 'Cancelled', RegExp])[] = [
  ['the drain is undone', {drain: undefined}, 'Cancelled', /not being drained any more/],
  ['it is to go elsewhere', {drain: {to: 'five5'}}, 'Cancelled', /It is to go to five5/],
  ['the target is removed', {candidates: () => [candidate('one')]}, 'Cancelled', /it was removed/],
  ['the target does not answer', {other: unknown}, 'Failed', /Node three does not answer/],
  [
    'the copy fails',
    {copy: {state: 'Failed', attempt: 0, code: 'Internal', message: 'no space left on device'}},
    'Failed',
    /no space left on device\.$/,
  ],
  ['the target has an instance of it', {other: present()}, 'Failed', /which is no copy/],
  ['the source is gone', {sight: absent}, 'Cancelled', /gone from node one/],
];

for (const [title, changes, outcome, message] of endings) {
  test(`the move is given up, and it stays, when ${title}`, t => {
    const status = written(decide({status: copying, sight: present(sealed), other: absent, ...changes}));
    t.like(status, {node: 'one', ports, migration: undefined, lastMove: {outcome}});
    t.regex(status?.lastMove?.message ?? '', message);
  });
}

test('a copy that was cut off is made again, not for ever', t => {
  const cut = (attempt: number) =>
    ({state: 'Failed', attempt, code: 'Disconnected', message: 'lost'}) as const;
  const options = {sight: present(sealed), other: absent};
  const halfway = {...copying, migration: {...migration, copied: 7}};
  const again = written(decide({...options, status: halfway, copy: cut(0)}));
  t.is(again?.migration?.attempts, 1);
  t.is(again?.migration?.copied, undefined, 'nothing of the next one is copied yet');
  t.is(decide({...options, status: {...copying, ...again}, copy: cut(0)}).kind, 'Moves');
  const last = {...copying, migration: {...migration, attempts: 5}};
  t.is(written(decide({...options, status: last, copy: cut(5)}))?.migration, undefined);
});

const switched = {
  node: 'three',
  ports,
  migration: {...migration, phase: 'Switched', sourceStartedAt: started},
} as const;

test('after the switch it goes back only when the copy is gone and its source is not', t => {
  t.like(written(decide({status: switched, sight: absent, other: present(sealed)})), {
    node: 'one',
    migration: undefined,
    lastMove: {outcome: 'Failed'},
  });
  t.is(decide({status: switched, sight: unknown, other: present(sealed)}).kind, 'Moves');
  t.is(written(decide({status: switched, sight: present(), other: absent}))?.lastMove?.outcome, 'Moved');
});

test('a workspace that is deleted before the switch is not moved', t => {
  const deletionTimestamp = '2026-11-20T09:59:00.000Z';
  const deleted = workspaceOf({}, {metadata: {deletionTimestamp}});
  t.is(written(decide({status: copying, sight: present(sealed)}, deleted))?.migration, undefined);
});

const actions = (changes: Parameters<typeof situationOf>[0]) => plan(situationOf(changes)).actions;

test('before the switch it is stopped, its ports are closed, and only then it is copied', t => {
  t.deepEqual(
    actions({status: copying}).map(({type}) => type),
    ['SetForwards', 'Stop'],
  );
  const {limits} = situationOf({}).desired.instance;
  const begin = {type: 'Copy', provider: 'lxc', limits, target: 'three', transfer: 't1', attempt: 0} as const;
  t.deepEqual(actions({status: copying, sight: present(sealed)}), [begin]);
  const running = {state: 'Running', attempt: 0, copied: 1} as const;
  t.deepEqual(actions({status: copying, sight: present(sealed), copy: running}), []);
});

test('while it is being moved nothing is made in its place, wherever it is missing', t => {
  t.deepEqual(actions({status: copying, sight: absent}), []);
  t.deepEqual(actions({status: switched, sight: absent}), []);
});

test('after the switch the copy is accepted before all else, and its source removed only once it is up', t => {
  const accept = {type: 'Accept', transfer: 't1'} as const;
  t.deepEqual(actions({status: switched, sight: present(copy()), other: present(sealed)}), [accept]);
  const starting = present(healthyInstance({sshReady: false}));
  t.false(
    actions({status: switched, sight: starting, other: present(sealed)}).some(({type}) => type === 'Leave'),
  );
  t.deepEqual(actions({status: switched, other: present(sealed)}), [
    {type: 'Leave', node: 'one', mode: 'always', retention: 604_800_000},
  ]);
});

test('a source that was started by hand after it was copied is kept for the work that may be in it', t => {
  const run = {...sealed, lastStartedAt: '2026-11-20T09:59:59.000Z'};
  t.like(actions({status: switched, other: present(run)})[0], {type: 'Leave', mode: 'ifSaved'});
});

test('the seal of a move that was given up is broken before it is started', t => {
  t.deepEqual(actions({sight: present(sealed)}), [{type: 'Keep', transfer: 't1'}]);
});

test('a copy that is on the node of a workspace without its move is not touched by it', t => {
  t.deepEqual(actions({sight: present(copy({uid}))}), []);
});
