import test from 'ava';
import type {Instance, OperationKind} from '../../../api/agent/v1alpha1/instance.ts';
import {plan} from '../../../controller/workspace/plan.ts';
import type {Sight} from '../../../controller/workspace/sight.ts';
import type {Situation} from '../../../controller/workspace/situation.ts';
import {
  commit,
  desiredFor,
  healthyInstance,
  now,
  ports,
  present,
  situationOf,
  without,
  workspaceOf,
} from './fixtures.ts';

type Row = {
  readonly title: string;
  readonly situation: Partial<Situation>;
  /** Types of the actions, in order; options of theirs after a space where they matter. */
  readonly actions: readonly string[];
  readonly wait?: string;
  readonly release?: 'Gone' | 'Kept' | 'Abandoned';
};

const stopped = desiredFor(workspaceOf({running: false}));
const deleted = desiredFor(workspaceOf({}, {metadata: {deletionTimestamp: '2026-11-20T09:59:00.000Z'}}));
const forced = desiredFor(
  workspaceOf(
    {},
    {
      metadata: {
        deletionTimestamp: '2026-11-20T09:59:00.000Z',
        annotations: {'nexus.dev/force-delete': 'true'},
      },
    },
  ),
);
const newImage = (annotations: Record<string, string> = {}) =>
  desiredFor(workspaceOf({image: 'ubuntu:22.04'}, {metadata: {annotations}}));
const newHash = newImage().instance.specHash;
const absent: Sight = {kind: 'Absent', nodeTime: now};
const silent: Sight = {
  kind: 'Unknown',
  cause: {type: 'NodeUnreachable', node: 'one', heardAt: now - 60_000},
};
const removed: Sight = {kind: 'Unknown', cause: {type: 'NodeRemoved', node: 'one'}};
const quiet: Sight = {kind: 'Quiet', expiresAt: now + 5000};
const operating = (kind: OperationKind, startedAt = '2026-11-20T09:59:50.000Z') =>
  healthyInstance({operation: {kind, startedAt}});
const on = (changes: Partial<Instance>) => present(healthyInstance(changes));
const lacking = (...keys: (keyof Instance)[]) => present(without(healthyInstance(), ...keys));
const repository = {
  commit,
  branch: 'main',
  clonedAt: '2026-11-20T09:00:00.000Z',
  observedAt: '2026-11-20T09:00:00.000Z',
};
const bundled = desiredFor(
  workspaceOf({repo: {name: 'shop', bundle: {digest: 'd'.repeat(64), commit: 'b'.repeat(40)}}}),
);
const unsavedWork = {
  type: 'UpToDate',
  status: 'False' as const,
  reason: 'UnsavedWork',
  message: '',
  lastTransitionTime: '2026-11-20T09:00:00.000Z',
};
const retired = {at: '2026-11-20T09:00:00.000Z', until: '2026-11-27T09:00:00.000Z'};

const rows: readonly Row[] = [
  {title: 'a healthy workspace needs nothing', situation: {}, actions: []},
  {
    title: 'one without a node waits for it',
    situation: {sight: {kind: 'Unplaced'}},
    actions: [],
    wait: 'Placement',
  },
  {
    title: 'one without a node that is not to run waits for nothing',
    situation: {sight: {kind: 'Unplaced'}, desired: stopped},
    actions: [],
  },
  {
    title: 'an absent instance is created while its ports open',
    situation: {sight: absent},
    actions: ['Create', 'SetForwards 3'],
  },
  {
    title: 'an absent instance that is not to run is not created',
    situation: {sight: absent, desired: stopped},
    actions: [],
  },
  {
    title: 'an absent instance on which something runs is waited for',
    situation: {sight: {...absent, last: {...operating('Create'), state: 'Missing'}}},
    actions: [],
    wait: 'Operation',
  },
  {
    title: 'nothing is done on a node that is silent',
    situation: {sight: silent},
    actions: [],
    wait: 'NodeUnreachable',
  },
  {
    title: 'nothing is done on a node that was removed',
    situation: {sight: removed},
    actions: [],
    wait: 'NodeRemoved',
  },
  {
    title: 'nothing is done before the node has reported',
    situation: {sight: quiet},
    actions: [],
    wait: 'NodeQuiet',
  },
  {
    title: 'ports open while the instance is created',
    situation: {sight: present({...operating('Create'), state: 'Creating', forwards: []})},
    actions: ['SetForwards 3'],
    wait: 'Operation',
  },
  {title: 'a created instance is started', situation: {sight: on({state: 'Stopped'})}, actions: ['Start']},
  {
    title: 'one that was frozen by hand is thawed',
    situation: {sight: on({state: 'Frozen'})},
    actions: ['Unfreeze'],
  },
  {
    title: 'one that was renamed by hand gets its name back before it is started',
    situation: {sight: on({state: 'Stopped', name: 'mine'})},
    actions: ['Rename'],
  },
  {
    title: 'one that was renamed and runs is left running',
    situation: {sight: on({name: 'mine'})},
    actions: [],
  },
  {
    title: 'one in error is stopped by force',
    situation: {sight: on({state: 'Error'})},
    actions: ['Stop force'],
  },
  {
    title: 'one that runs against the spec is stopped and its ports close',
    situation: {desired: stopped},
    actions: ['SetForwards 0', 'Stop'],
  },
  {
    title: 'a frozen one that is to stop is stopped by force',
    situation: {desired: stopped, sight: on({state: 'Frozen', forwards: []})},
    actions: ['Stop force'],
  },
  {
    title: 'a stopped one that is to be stopped needs nothing',
    situation: {desired: stopped, sight: on({state: 'Stopped', forwards: []})},
    actions: [],
  },
  {
    title: 'limits of a stopped one are set too',
    situation: {
      desired: stopped,
      sight: on({state: 'Stopped', forwards: [], limits: {cpus: 1, memory: 1, disk: 1}}),
    },
    actions: ['SetLimits'],
  },
  {
    title: 'one that is starting is waited for',
    situation: {sight: on({state: 'Starting'})},
    actions: [],
    wait: 'Transition',
  },
  {
    title: 'one that is stopping is waited for',
    situation: {sight: on({state: 'Stopping'})},
    actions: [],
    wait: 'Transition',
  },
  {
    title: 'nothing goes on before sshd answers',
    situation: {
      sight: present({
        ...without(healthyInstance(), 'repository', 'servicesHash'),
        sshReady: false,
        startedAt: '2026-11-20T09:59:30.000Z',
      }),
    },
    actions: [],
    wait: 'Operation',
  },
  {
    title: 'nothing goes on before sshd answers, though its start is not known',
    situation: {sight: present(without(healthyInstance({sshReady: false}), 'startedAt'))},
    actions: [],
    wait: 'Boot',
  },
  {
    title: 'an sshd that never answers means a forced stop, and so a new start',
    situation: {sight: on({sshReady: false, startedAt: '2026-11-20T09:57:00.000Z'})},
    actions: ['Stop force'],
    wait: 'Overdue',
  },
  {
    title: 'the repository is cloned once sshd answers',
    situation: {sight: lacking('repository', 'setup', 'servicesHash')},
    actions: ['Clone'],
  },
  {
    title: 'setup runs once the repository is there',
    situation: {sight: lacking('setup', 'servicesHash')},
    actions: ['Setup'],
  },
  {
    title: 'a setup that a stop left behind is taken up again',
    situation: {
      sight: present({
        ...without(healthyInstance(), 'servicesHash'),
        setup: {hash: healthyInstance().setup?.hash ?? '', state: 'Running'},
      }),
    },
    actions: ['Setup'],
  },
  {
    title: 'a changed setup runs again',
    situation: {sight: on({setup: {hash: 'old', state: 'Succeeded'}})},
    actions: ['Setup'],
  },
  {
    title: 'a setup that failed runs again',
    situation: {
      sight: on({setup: {hash: healthyInstance().setup?.hash ?? '', state: 'Failed', exitCode: 1}}),
    },
    actions: ['Setup'],
  },
  {
    title: 'services start once setup has succeeded',
    situation: {sight: lacking('servicesHash')},
    actions: ['ApplyServices'],
  },
  {
    title: 'changed services are applied and nothing else is done',
    situation: {sight: on({servicesHash: 'old'})},
    actions: ['ApplyServices'],
  },
  {
    title: 'a workspace without services has none applied',
    situation: {
      desired: desiredFor(workspaceOf({services: []})),
      sight: present({
        ...without(healthyInstance(), 'servicesHash'),
        forwards: [{name: 'ssh', nodePort: 2222, targetPort: 22, state: 'Listening'}],
      }),
      status: {node: 'one', ports: ports.slice(0, 1)},
    },
    actions: [],
  },
  {
    title: 'a workspace without a repository has its setup all the same',
    situation: {
      desired: desiredFor(workspaceOf({repo: undefined})),
      sight: lacking('repository', 'setup', 'servicesHash'),
    },
    actions: ['Setup'],
  },
  {
    title: 'changed limits are set on the running instance',
    situation: {sight: on({limits: {cpus: 1, memory: 2 ** 30, disk: 2 ** 30}})},
    actions: ['SetLimits'],
  },
  {
    title: 'changed keys are set on the running instance',
    situation: {sight: on({authorizedKeysHash: 'old'})},
    actions: ['SetAuthorizedKeys'],
  },
  {
    title: 'keys are set when nobody knows which the running instance has',
    situation: {sight: lacking('authorizedKeysHash')},
    actions: ['SetAuthorizedKeys'],
  },
  {
    title: 'keys wait for an operation that goes on',
    situation: {
      sight: present({
        ...without(healthyInstance(), 'authorizedKeysHash'),
        operation: {kind: 'Fetch', startedAt: '2026-11-20T09:59:50.000Z'},
      }),
    },
    actions: [],
    wait: 'Operation',
  },
  {
    title: 'keys stay when the owner is not known',
    situation: {
      desired: {...desiredFor(), authorizedKeys: undefined},
      sight: on({authorizedKeysHash: 'old'}),
    },
    actions: [],
  },
  {
    title: 'an extra port is closed',
    situation: {
      sight: on({
        forwards: [
          ...healthyInstance().forwards,
          {name: 'x', nodePort: 23009, targetPort: 1, state: 'Listening'},
        ],
      }),
    },
    actions: ['SetForwards 3'],
  },
  {title: 'a wanting port is opened', situation: {sight: on({forwards: []})}, actions: ['SetForwards 3']},
  {
    title: 'the port of a service that is gone is closed while it is still allocated',
    situation: {
      desired: desiredFor(workspaceOf({services: [{name: 'web', command: 'npm start', port: 3000}]})),
    },
    actions: ['SetForwards 2', 'ApplyServices'],
  },
  {
    title: 'all that differs and can be set at once is',
    situation: {
      sight: on({
        forwards: [],
        authorizedKeysHash: 'old',
        limits: {cpus: 1, memory: 1, disk: 1},
        servicesHash: 'old',
      }),
    },
    actions: ['SetForwards 3', 'SetLimits', 'SetAuthorizedKeys', 'ApplyServices'],
  },
  {
    title: 'new commits of a bundle are fetched',
    situation: {
      desired: bundled,
      sight: on({
        repository: {...repository, bundleCommit: 'c'.repeat(40)},
        servicesHash: (bundled.configuration.state === 'Known' && bundled.configuration.servicesHash) || '',
      }),
    },
    actions: ['Fetch'],
  },
  {
    title: 'commits of a bundle that are there are not fetched',
    situation: {
      desired: bundled,
      sight: on({repository: {...repository, bundleCommit: 'b'.repeat(40), notMerged: 'local changes'}}),
    },
    actions: [],
  },
  ...(['Start', 'Unfreeze', 'Stop', 'Clone', 'Fetch', 'Setup', 'Rename', 'Configure', 'Delete'] as const).map(
    kind => ({
      title: `while ${kind} runs nothing else is begun`,
      situation: {sight: present({...operating(kind), state: 'Running', servicesHash: 'old'})},
      actions: [],
      wait: 'Operation',
    }),
  ),
  ...(['Start', 'Unfreeze', 'Clone', 'Fetch', 'Setup'] as const).map(kind => ({
    title: `a ${kind} that hangs is ended by a forced stop`,
    situation: {sight: present(operating(kind, '2026-11-20T08:00:00.000Z'))},
    actions: ['Stop force'],
    wait: 'Overdue',
  })),
  {
    title: 'a creation that hangs is undone',
    situation: {sight: present({...operating('Create', '2026-11-20T08:00:00.000Z'), state: 'Creating'})},
    actions: ['Delete ifSaved'],
    wait: 'Overdue',
  },
  {
    title: 'a stop that hangs is looked at again',
    situation: {sight: present(operating('Stop', '2026-11-20T08:00:00.000Z'))},
    actions: [],
    wait: 'Overdue',
  },
  ...(['Start', 'Clone', 'Fetch', 'Setup'] as const).map(kind => ({
    title: `stopping works while ${kind} runs`,
    situation: {desired: stopped, sight: present({...operating(kind), forwards: []})},
    actions: ['Stop force'],
    wait: 'Operation',
  })),
  {
    title: 'stopping waits for a creation, which starts nothing',
    situation: {desired: stopped, sight: present({...operating('Create'), state: 'Creating', forwards: []})},
    actions: [],
    wait: 'Operation',
  },
  {
    title: 'another image alone replaces nothing',
    situation: {desired: {...desiredFor(), instance: newImage().instance}},
    actions: [],
  },
  {
    title: 'another image that the user agreed to replaces the instance',
    situation: {
      desired: newImage({'nexus.dev/recreate': newHash}),
      sight: on({repository: {...repository, unsaved: false}}),
    },
    actions: ['Delete ifSaved'],
  },
  {
    title: 'agreeing to any replacement will do',
    situation: {
      desired: newImage({'nexus.dev/recreate': 'allowed'}),
      sight: on({repository: {...repository, unsaved: false}}),
    },
    actions: ['Delete ifSaved'],
  },
  {
    title: 'agreeing to another replacement will not',
    situation: {
      desired: newImage({'nexus.dev/recreate': 'deadbeef'}),
      sight: on({repository: {...repository, unsaved: false}}),
    },
    actions: [],
  },
  {
    title: 'an instance with unsaved work is never replaced',
    situation: {
      desired: newImage({'nexus.dev/recreate': 'allowed'}),
      sight: on({repository: {...repository, unsaved: true}}),
    },
    actions: [],
  },
  {
    title: 'unless the loss of the work is wanted for this very spec',
    situation: {
      desired: newImage({'nexus.dev/force-recreate': newHash}),
      sight: on({repository: {...repository, unsaved: true}}),
    },
    actions: ['Delete always'],
  },
  {
    title: 'a stopped workspace is not replaced',
    situation: {
      desired: {...newImage({'nexus.dev/recreate': 'allowed'}), running: false},
      sight: on({state: 'Stopped', forwards: [], repository: {...repository, unsaved: false}}),
    },
    actions: [],
  },
  {
    title: 'what was kept when it was to be replaced is remembered first',
    situation: {
      desired: newImage({'nexus.dev/recreate': 'allowed'}),
      sight: on({state: 'Stopped', forwards: [], retired}),
    },
    actions: [],
    wait: 'UnsavedWork',
  },
  {
    title: 'and then taken back',
    situation: {
      desired: newImage({'nexus.dev/recreate': 'allowed'}),
      sight: on({state: 'Stopped', forwards: [], retired}),
      status: {node: 'one', ports, conditions: [unsavedWork]},
    },
    actions: ['Restore'],
  },
  {
    title: 'a stop that found nothing unsaved lets it be replaced after all',
    situation: {
      desired: {...newImage({'nexus.dev/recreate': 'allowed'}), running: true},
      sight: on({
        state: 'Stopped',
        forwards: ports.map(port => ({...port, state: 'Listening' as const})),
        repository: {...repository, unsaved: false},
      }),
    },
    actions: ['Delete ifSaved'],
  },
  {
    title: 'and it is not replaced again while nothing says that its work is saved',
    situation: {
      desired: newImage({'nexus.dev/recreate': 'allowed'}),
      sight: on({repository}),
      status: {
        node: 'one',
        ports,
        conditions: [
          {
            type: 'UpToDate',
            status: 'False',
            reason: 'UnsavedWork',
            message: '',
            lastTransitionTime: '2026-11-20T09:00:00.000Z',
          },
        ],
      },
    },
    actions: [],
  },
  {
    title: 'an instance that was kept after deletion is taken back by its workspace',
    situation: {sight: on({state: 'Stopped', forwards: [], retired})},
    actions: ['Restore'],
  },
  {
    title: 'deleting what has no place yet is immediate',
    situation: {desired: deleted, sight: {kind: 'Unplaced'}},
    actions: [],
    release: 'Gone',
  },
  {
    title: 'deleting what is not there is immediate',
    situation: {desired: deleted, sight: absent},
    actions: [],
    release: 'Gone',
  },
  {title: 'deleting keeps unsaved work', situation: {desired: deleted}, actions: ['Delete ifSaved']},
  {title: 'deleting by force keeps nothing', situation: {desired: forced}, actions: ['Delete always']},
  {
    title: 'a deletion that runs is waited for',
    situation: {desired: deleted, sight: present(operating('Delete'))},
    actions: [],
    wait: 'Operation',
  },
  ...(['Create', 'Start', 'Stop', 'Clone', 'Setup', 'Fetch', 'Rename', 'Unfreeze'] as const).map(kind => ({
    title: `deleting works while ${kind} runs`,
    situation: {desired: deleted, sight: present(operating(kind))},
    actions: ['Delete ifSaved'],
  })),
  {
    title: 'deleting works while an instance is only being made',
    situation: {desired: deleted, sight: {...absent, last: {...operating('Create'), state: 'Missing'}}},
    actions: ['Delete ifSaved'],
    wait: 'Operation',
  },
  ...(['Running', 'Stopped', 'Frozen', 'Error', 'Starting', 'Stopping', 'Creating'] as const).map(state => ({
    title: `deleting works when the instance is ${state}`,
    situation: {desired: deleted, sight: on({state})},
    actions: ['Delete ifSaved'],
  })),
  {
    title: 'a deletion that kept the work is done',
    situation: {desired: deleted, sight: on({state: 'Stopped', retired})},
    actions: [],
    release: 'Kept',
  },
  {
    title: 'forcing it destroys what was kept',
    situation: {desired: forced, sight: on({state: 'Stopped', retired})},
    actions: ['Delete always'],
  },
  {
    title: 'deleting waits for a silent node',
    situation: {desired: deleted, sight: silent},
    actions: [],
    wait: 'NodeUnreachable',
  },
  {
    title: 'deleting by force lets go of a silent node',
    situation: {desired: forced, sight: silent},
    actions: [],
    release: 'Abandoned',
  },
  {
    title: 'deleting by force lets go of a node that was removed',
    situation: {desired: forced, sight: removed},
    actions: [],
    release: 'Abandoned',
  },
  {
    title: 'deleting by force waits for a node that may yet report',
    situation: {desired: forced, sight: quiet},
    actions: [],
    wait: 'NodeQuiet',
  },
];

for (const {title, situation, actions, wait, release} of rows) {
  test(title, t => {
    const result = plan(situationOf(situation));
    t.deepEqual(
      result.actions.map(action => {
        switch (action.type) {
          case 'Stop':
            return action.force ? 'Stop force' : 'Stop';
          case 'Delete':
            return `Delete ${action.mode}`;
          case 'SetForwards':
            return `SetForwards ${action.forwards.length}`;
          default:
            return action.type;
        }
      }),
      actions,
    );
    if (actions.length === 0 || wait !== undefined) {
      t.is(result.wait?.reason, wait);
    }

    t.is(result.release?.outcome, release);
  });
}

const failing = (operation: string, nextAttemptAt: number): Situation['book'] => ({
  count: 2,
  last: {operation, code: 'Internal', message: 'x', at: '2026-11-20T09:59:00.000Z'},
  nextAttemptAt,
});

test('what failed is held back until its next attempt', t => {
  const sight = lacking('repository', 'setup', 'servicesHash');
  const held = plan(situationOf({sight, book: failing('Clone', now + 4000)}));
  t.deepEqual(held.actions, []);
  t.is(held.wanted[0]?.type, 'Clone');
  t.like(held.wait, {reason: 'BackOff', requeueAfter: 4000});
  t.is(plan(situationOf({sight, book: failing('Clone', now)})).actions[0]?.type, 'Clone');
});

test('what did not fail is not held back by what did', t => {
  const sight = on({state: 'Stopped'});
  t.is(plan(situationOf({sight, book: failing('Clone', now + 4000)})).actions[0]?.type, 'Start');
});

test('new commits that can not be had keep services from nothing', t => {
  const sight = on({repository: {...repository, bundleCommit: 'c'.repeat(40)}, servicesHash: 'old'});
  const result = plan(situationOf({desired: bundled, sight, book: failing('Fetch', now + 4000)}));
  t.deepEqual(
    result.actions.map(({type}) => type),
    ['ApplyServices'],
  );
});
