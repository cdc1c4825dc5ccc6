import test from 'ava';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import {findCondition} from '../../../api/v1alpha1/condition.ts';
import type {WorkspacePhase, WorkspaceStatus} from '../../../api/v1alpha1/workspace.ts';
import {workspaceStatus} from '../../../api/v1alpha1/workspace.ts';
import type {StatusOptions} from '../../../controller/workspace/status.ts';
import {isWorthWriting, statusOf} from '../../../controller/workspace/status.ts';
import {desiredFor, healthyInstance, nodeOf, now, ports, present, without, workspaceOf} from './fixtures.ts';

type Row = {
  readonly title: string;
  readonly options?: Partial<StatusOptions>;
  readonly workspace?: ReturnType<typeof workspaceOf>;
  readonly phase: WorkspacePhase;
  /** `Type=Status/Reason` of conditions that are to be so. */
  readonly conditions?: readonly string[];
  /** Of the condition Ready. */
  readonly message?: RegExp;
};

const node = nodeOf('one', {address: '192.0.2.1'});
const placed: WorkspaceStatus = {node: 'one', ports};
const on = (changes: Partial<Instance>) => present(healthyInstance(changes));
const lacking = (...keys: (keyof Instance)[]) => present(without(healthyInstance(), ...keys));
const at = '2026-11-20T09:59:00.000Z';
const failing = (operation: string, code: string, count = 3): StatusOptions['book'] => ({
  count,
  last: {operation, code, message: `${operation} did not work`, at},
  nextAttemptAt: now + 60_000,
});
const service = (changes: Partial<Instance['services'][number]>) => {
  const {services} = healthyInstance();
  return on({services: services.map(each => (each.name === 'web' ? {...each, ...changes} : each))});
};
const once = (restart: string) => {
  const workspace = workspaceOf({services: [{name: 'web', command: 'x', port: 3000, restart}]});
  const desired = desiredFor(workspace);
  const [web] = healthyInstance({}, desired).services;
  const services =
    web === undefined ? [] : [{...web, state: 'Exited' as const, health: 'Unknown' as const, exitCode: 0}];
  return {workspace, options: {desired, sight: present(healthyInstance({services}, desired))}};
};
const silent = {
  kind: 'Unknown',
  cause: {type: 'NodeUnreachable', node: 'one', heardAt: now - 60_000},
} as const;
const stopped = workspaceOf({running: false});
const deleted = workspaceOf({}, {metadata: {deletionTimestamp: at}});
const setupHash = healthyInstance().setup?.hash ?? '';

const rows: readonly Row[] = [
  {
    title: 'all is well',
    phase: 'Running',
    conditions: [
      'Ready=True/Ready',
      'UpToDate=True/UpToDate',
      'Scheduled=True/Placed',
      'PortsAllocated=True/Allocated',
    ],
  },
  {
    title: 'no node fits',
    options: {
      status: {},
      sight: {kind: 'Unplaced'},
      placement: {
        kind: 'Unplaced',
        reason: 'Unschedulable',
        message: 'No node can take it: one: it is cordoned.',
      },
    },
    phase: 'Pending',
    conditions: [
      'Scheduled=False/Unschedulable',
      'PortsAllocated=False/NotPlaced',
      'Ready=False/Unschedulable',
    ],
    message: /one: it is cordoned/,
  },
  {
    title: 'no port is free',
    options: {
      status: {},
      sight: {kind: 'Unplaced'},
      placement: {kind: 'Unplaced', reason: 'PortsExhausted', message: 'No node can take it: one: all ports'},
    },
    phase: 'Pending',
    conditions: ['Scheduled=False/PortsExhausted', 'PortsAllocated=False/PortsExhausted'],
  },
  {
    title: 'one service waits for a port',
    options: {status: {node: 'one', ports: ports.slice(0, 2)}},
    phase: 'Running',
    conditions: ['PortsAllocated=False/PortsExhausted'],
    message: /No port of node one is free for db/,
  },
  {
    title: 'it is to be created',
    options: {sight: {kind: 'Absent', nodeTime: now}},
    phase: 'Creating',
    conditions: ['Provisioned=False/NotCreated', 'SshReady=False/Starting', 'Ready=False/NotCreated'],
  },
  {
    title: 'it is being created',
    options: {sight: on({state: 'Creating', sshReady: false})},
    phase: 'Creating',
    conditions: ['Provisioned=False/Creating'],
  },
  {
    title: 'its image does not exist',
    options: {sight: {kind: 'Absent', nodeTime: now}, book: failing('Create', 'ImageNotFound', 1)},
    phase: 'Error',
    conditions: ['Provisioned=False/ImageNotFound', 'Ready=False/ImageNotFound'],
    message:
      /Create did not work\. Failed once; next attempt at 2026-11-20T10:01:00.000Z\. Change spec\.image/,
  },
  {
    title: 'its creation failed once',
    options: {sight: {kind: 'Absent', nodeTime: now}, book: failing('Create', 'BackendUnavailable', 1)},
    phase: 'Creating',
    conditions: ['Provisioned=False/BackendUnavailable'],
  },
  {
    title: 'its creation failed thrice',
    options: {sight: {kind: 'Absent', nodeTime: now}, book: failing('Create', 'BackendUnavailable')},
    phase: 'Error',
    message: /Failed 3 times in a row/,
  },
  {
    title: 'it boots',
    options: {sight: on({sshReady: false})},
    phase: 'Creating',
    conditions: ['Provisioned=True/Created', 'SshReady=False/Starting'],
  },
  {
    title: 'it does not start',
    options: {sight: on({state: 'Stopped', sshReady: false}), book: failing('Start', 'TimedOut')},
    phase: 'Error',
    conditions: ['SshReady=False/TimedOut'],
  },
  {
    title: 'nobody can log in',
    options: {desired: {...desiredFor(), authorizedKeys: []}},
    phase: 'Creating',
    conditions: ['SshReady=False/NoKeys'],
    message: /nexus ssh setup/,
  },
  {
    title: 'it is being cloned',
    options: {
      sight: present({
        ...without(healthyInstance(), 'repository'),
        operation: {kind: 'Clone', startedAt: at},
      }),
    },
    phase: 'Creating',
    conditions: ['RepositoryCloned=False/Cloning'],
  },
  {
    title: 'the repository does not exist',
    options: {sight: lacking('repository'), book: failing('Clone', 'RepositoryNotFound', 1)},
    phase: 'Error',
    conditions: ['RepositoryCloned=False/RepositoryNotFound'],
    message: /Check spec\.repo\.url/,
  },
  {
    title: 'it has no repository, setup or services',
    workspace: workspaceOf({repo: undefined, setup: [], services: []}),
    options: {sight: lacking('repository', 'setup', 'servicesHash')},
    phase: 'Running',
    conditions: [
      'RepositoryCloned=True/NotDeclared',
      'SetupSucceeded=True/NotDeclared',
      'ServicesHealthy=True/NotDeclared',
      'Ready=True/Ready',
    ],
  },
  {
    title: 'setup runs',
    options: {sight: on({setup: {hash: setupHash, state: 'Running', step: 0}})},
    phase: 'Creating',
    conditions: ['SetupSucceeded=False/Running'],
    message: /Running: npm ci/,
  },
  {
    title: 'setup failed',
    options: {
      sight: on({setup: {hash: setupHash, state: 'Failed', step: 0, exitCode: 7, message: 'ENOENT'}}),
      book: failing('Setup', 'CommandFailed', 1),
    },
    phase: 'Creating',
    conditions: ['SetupSucceeded=False/SetupFailed'],
    message:
      /"npm ci" ended with exit code 7\. Its last output: ENOENT\. See: nexus logs shop --setup\. Failed once; next/,
  },
  {
    title: 'setup changed',
    options: {sight: on({setup: {hash: 'old', state: 'Succeeded'}})},
    phase: 'Creating',
    conditions: ['SetupSucceeded=False/Waiting'],
  },
  {
    title: 'the configuration of its clone is not valid',
    options: {desired: {...desiredFor(), configuration: {state: 'Invalid', problem: 'services: 7'}}},
    phase: 'Error',
    conditions: ['SetupSucceeded=False/ConfigurationInvalid'],
    message: /services: 7/,
  },
  {
    title: 'services start',
    options: {sight: service({state: 'Starting', health: 'Unknown'})},
    phase: 'Running',
    conditions: ['ServicesHealthy=False/ServicesStarting', 'Ready=False/ServicesStarting'],
    message: /web is Starting/,
  },
  {
    title: 'a service is unhealthy',
    options: {sight: service({state: 'Unhealthy', health: 'Unhealthy', lastError: 'HTTP 500'})},
    phase: 'Running',
    conditions: ['ServicesHealthy=False/ServiceUnhealthy'],
    message: /web is Unhealthy: HTTP 500/,
  },
  {
    title: 'a service keeps failing',
    options: {sight: service({state: 'BackOff', health: 'Unhealthy', exitCode: 1})},
    phase: 'Running',
    conditions: ['ServicesHealthy=False/ServiceFailed'],
    message: /web is BackOff, exit code 1/,
  },
  {
    title: 'services are not applied yet',
    options: {sight: lacking('servicesHash')},
    phase: 'Running',
    conditions: ['ServicesHealthy=False/Waiting'],
  },
  {
    title: 'a service that was to end has ended well',
    ...once('never'),
    phase: 'Running',
    conditions: ['Ready=True/Ready'],
  },
  {
    title: 'a service that was to end on success has',
    ...once('on-failure'),
    phase: 'Running',
    conditions: ['Ready=True/Ready'],
  },
  {
    title: 'a service that was to run for ever has ended',
    ...once('always'),
    phase: 'Running',
    conditions: ['ServicesHealthy=False/ServiceFailed'],
  },
  {
    title: 'a port can not be opened',
    options: {
      sight: on({forwards: ports.map(port => ({...port, state: 'Failed' as const, message: 'EACCES'}))}),
    },
    phase: 'Running',
    conditions: ['PortsAllocated=False/ForwardFailed'],
    message: /Port 2222 of the node can't be opened for ssh: EACCES/,
  },
  {
    title: 'it needs a new instance',
    options: {sight: on({specHash: 'other'})},
    phase: 'Running',
    conditions: ['UpToDate=False/RecreateNeeded', 'Ready=True/Ready'],
  },
  {
    title: 'new commits were not merged',
    options: {sight: on({repository: {clonedAt: at, observedAt: at, notMerged: 'uncommitted changes'}})},
    phase: 'Running',
    conditions: ['UpToDate=False/NotMerged', 'Ready=True/Ready'],
  },
  {
    title: 'its resources were changed and its backend can not change them as it runs',
    options: {sight: on({limitsPending: true})},
    phase: 'Running',
    conditions: ['UpToDate=False/RestartNeeded', 'Ready=True/Ready'],
  },
  {
    title: 'it is stopped',
    workspace: stopped,
    options: {sight: on({state: 'Stopped', sshReady: false})},
    phase: 'Stopped',
    conditions: [
      'Ready=False/Stopped',
      'SshReady=False/Stopped',
      'ServicesHealthy=False/Stopped',
      'Provisioned=True/Created',
    ],
    message: /nexus workspace start shop/,
  },
  {title: 'it is stopping', workspace: stopped, phase: 'Running', conditions: ['Ready=False/Stopped']},
  {
    title: 'it was never started',
    workspace: stopped,
    options: {status: {}, sight: {kind: 'Unplaced'}},
    phase: 'Stopped',
    conditions: ['Scheduled=False/NotStarted', 'Ready=False/Stopped'],
  },
  {
    title: 'it does not stop',
    workspace: stopped,
    options: {book: failing('Stop', 'TimedOut')},
    phase: 'Error',
    conditions: ['SshReady=False/TimedOut'],
  },
  {
    title: 'its node is silent',
    options: {
      sight: silent,
      status: {
        ...placed,
        conditions: [
          {
            type: 'RepositoryCloned',
            status: 'True',
            reason: 'Cloned',
            message: 'x',
            observedGeneration: 1,
            lastTransitionTime: at,
          },
        ],
      },
    },
    phase: 'Unknown',
    conditions: [
      'Ready=Unknown/NodeUnreachable',
      'SshReady=Unknown/NodeUnreachable',
      'ServicesHealthy=Unknown/NodeUnreachable',
      'RepositoryCloned=True/Cloned',
      'Scheduled=True/Placed',
    ],
    message: /last heard from at 2026-11-20T09:59:00.000Z/,
  },
  {
    title: 'its node was removed',
    options: {sight: {kind: 'Unknown', cause: {type: 'NodeRemoved', node: 'one'}}},
    phase: 'Unknown',
    conditions: ['Ready=Unknown/NodeRemoved'],
    message: /nexus delete --force/,
  },
  {title: 'it is being deleted', workspace: deleted, phase: 'Deleting', conditions: ['Ready=False/Deleting']},
  {
    title: 'it is to be deleted from a silent node',
    workspace: deleted,
    options: {sight: silent},
    phase: 'Deleting',
    conditions: ['Ready=False/Deleting'],
    message: /last heard from.*nexus delete --force/,
  },
  {
    title: 'its deletion failed',
    workspace: deleted,
    options: {book: failing('Delete', 'BackendUnavailable')},
    phase: 'Deleting',
    message: /Delete did not work\. Failed 3 times/,
  },
];

function statusFor({
  workspace = workspaceOf(),
  options = {},
}: Pick<Row, 'workspace' | 'options'>): WorkspaceStatus {
  return statusOf(workspace, {
    desired: desiredFor(workspace),
    sight: present(),
    status: placed,
    placement: {kind: 'Kept'},
    movement: {kind: 'Stays'},
    book: {count: 0},
    node,
    wait: undefined,
    now,
    ...options,
  });
}

for (const row of rows) {
  test(`when ${row.title}, the phase is ${row.phase}`, t => {
    const status = statusFor(row);
    t.is(status.phase, row.phase);
    const found = status.conditions?.map(({type, status: is, reason}) => `${type}=${is}/${reason}`) ?? [];
    for (const condition of row.conditions ?? []) {
      t.true(found.includes(condition), `${condition} in ${found.join(', ')}`);
    }

    if (row.message !== undefined) {
      t.regex(findCondition(status.conditions, 'Ready')?.message ?? '', row.message);
    }

    t.notThrows(() => workspaceStatus.parse(status));
    t.true(
      status.conditions?.every(
        ({message, observedGeneration}) => message !== '' && observedGeneration === 1,
      ) ?? false,
      'all conditions speak',
    );
  });
}

test('what was last seen stays, with its time, while the node is silent', t => {
  const before = statusFor({});
  const after = statusFor({options: {sight: silent, status: before}});
  t.deepEqual(after.instance, before.instance);
  t.deepEqual(after.repo, before.repo);
  t.is(after.observedAt, before.observedAt);
  t.deepEqual(after.ssh, before.ssh);
  t.true(after.services?.every(({status, health}) => status === 'Unknown' && health === 'Unknown'));
  t.is(after.services?.[0]?.observedAt, before.services?.[0]?.observedAt);
});

test('while the node is quiet nothing is said anew', t => {
  const before = statusFor({});
  const after = statusFor({options: {sight: {kind: 'Quiet', expiresAt: now + 1}, status: before}});
  t.is(after, before);
});

test('transition times move only when a status changes', t => {
  const before = statusFor({});
  const later = {status: before, now: now + 60_000};
  t.deepEqual(statusFor({options: later}).conditions, before.conditions);
  const broken = statusFor({options: {...later, sight: service({state: 'Unhealthy'})}});
  const moved = broken.conditions?.filter(
    ({lastTransitionTime}) => lastTransitionTime !== '2026-11-20T10:00:00.000Z',
  );
  t.deepEqual(
    moved?.map(({type}) => type),
    ['ServicesHealthy', 'Ready'],
  );
});

test('a database is reached by tcp, anything else is taken for a web address, and IPv6 hosts are bracketed', t => {
  const workspace = workspaceOf({
    services: [
      {name: 'web', command: 'x', port: 3000},
      {name: 'db', command: 'x', port: 5432, healthCheck: {tcp: 5432}},
    ],
  });
  const {services} = statusFor({
    workspace,
    options: {node: nodeOf('one', {address: '2001:db8::1'})},
  });
  t.deepEqual(
    services?.map(({url}) => url),
    ['http://[2001:db8::1]:23000', 'tcp://[2001:db8::1]:23001'],
  );
});

test('a status that says nothing new is not written; one in which only times are new, once a minute', t => {
  const status = statusFor({});
  const seen = (time: string) =>
    statusFor({
      options: {
        status,
        sight: on({
          observedAt: time,
          services: healthyInstance().services.map(each => ({...each, observedAt: time})),
        }),
      },
    });
  t.false(isWorthWriting(status, structuredClone(status)));
  t.false(isWorthWriting(status, seen('2026-11-20T10:00:57.000Z')));
  t.true(isWorthWriting(status, seen('2026-11-20T10:00:58.000Z')));
  t.true(isWorthWriting(status, {...status, phase: 'Error'}));
  t.true(isWorthWriting({}, status));
});
