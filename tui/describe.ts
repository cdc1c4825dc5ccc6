import {age} from '../api/v1alpha1/age.ts';
import type {Condition} from '../api/v1alpha1/condition.ts';
import type {Stored} from '../api/v1alpha1/kinds.ts';
import type {WorkspaceStatus} from '../api/v1alpha1/workspace.ts';
import type {DashboardKind} from './source.ts';
import type {State} from './state.ts';

/** What there is to say about one resource, a line each. */
export function describe(state: State, target: {kind: DashboardKind; name: string}, now: number): string[] {
  switch (target.kind) {
    case 'Workspace': {
      const workspace = state.resources.Workspace.get(target.name);
      return workspace === undefined
        ? gone(target)
        : describeWorkspace(workspace, now).concat(eventsAbout(state, target, now));
    }

    case 'Node': {
      const node = state.resources.Node.get(target.name);
      return node === undefined
        ? gone(target)
        : describeNode(node, now).concat(eventsAbout(state, target, now));
    }

    case 'Event': {
      const event = state.resources.Event.get(target.name);
      return event === undefined ? gone(target) : describeEvent(event, now);
    }
  }
}

function gone({kind, name}: {kind: string; name: string}): string[] {
  return [`${kind} ${name} is no longer there.`];
}

function describeWorkspace({metadata, spec, status}: Stored<'Workspace'>, now: number): string[] {
  const {ssh} = status ?? {};
  return [
    ...fields({
      Name: metadata.name,
      Uid: metadata.uid,
      Owner: spec.owner,
      Age: age(metadata.creationTimestamp, now),
      Phase: metadata.deletionTimestamp === undefined ? (status?.phase ?? 'Pending') : 'Deleting',
      Seen: status?.observedAt === undefined ? 'never' : `${age(status.observedAt, now)} ago`,
      Image: `${spec.image} (${spec.provider})`,
      Limits: `${spec.resources.cpus} cpus, ${spec.resources.memory} memory, ${spec.resources.disk} disk`,
      Node: status?.node ?? '-',
      Instance: status?.instance === undefined ? '-' : `${status.instance.name} (${status.instance.state})`,
      Ssh: ssh === undefined ? '-' : sshText(ssh),
      Repo:
        spec.repo === undefined
          ? '-'
          : `${spec.repo.url ?? spec.repo.name} ${status?.repo?.branch ?? spec.repo.branch ?? ''}`,
      Commit: status?.repo?.commit ?? '-',
    }),
    ...conditionLines(status?.conditions, now),
    ...section(
      'Services',
      (status?.services ?? []).map(service =>
        [
          service.name.padEnd(16),
          service.status.padEnd(10),
          (service.url ?? '-').padEnd(26),
          `restarts ${service.restarts}`,
          service.lastError ?? '',
        ].join(' '),
      ),
    ),
  ];
}

function describeNode({metadata, spec, status}: Stored<'Node'>, now: number): string[] {
  return [
    ...fields({
      Name: metadata.name,
      Address: spec.local ? 'this server' : `${spec.user}@${spec.address}:${spec.port}`,
      Age: age(metadata.creationTimestamp, now),
      Schedulable: spec.unschedulable ? 'no: cordoned' : 'yes',
      Heartbeat: status?.heartbeatAt === undefined ? 'never' : `${age(status.heartbeatAt, now)} ago`,
      Agent: status?.agentVersion ?? '-',
      Providers: status?.providers?.map(({backend, version}) => `${backend} ${version}`).join(', ') ?? '-',
    }),
    ...conditionLines(status?.conditions, now),
  ];
}

function describeEvent({spec}: Stored<'Event'>, now: number): string[] {
  return fields({
    Reason: spec.reason,
    Type: spec.type,
    Object: `${spec.regarding.kind}/${spec.regarding.name}`,
    By: spec.actor,
    First: `${age(spec.firstTimestamp, now)} ago`,
    Last: `${age(spec.lastTimestamp, now)} ago`,
    Count: `${spec.count}`,
    Message: spec.message,
  });
}

function conditionLines(conditions: readonly Condition[] | undefined, now: number): string[] {
  return section(
    'Conditions',
    (conditions ?? []).map(
      ({type, status, reason, message, lastTransitionTime}) =>
        `${type.padEnd(18)} ${status.padEnd(8)} ${age(lastTransitionTime, now).padEnd(6)} ${reason}: ${message}`,
    ),
  );
}

function eventsAbout({resources}: State, target: {kind: string; name: string}, now: number): string[] {
  const events = [...resources.Event.values()]
    .filter(({spec}) => spec.regarding.kind === target.kind && spec.regarding.name === target.name)
    .sort((left, right) => Date.parse(left.spec.lastTimestamp) - Date.parse(right.spec.lastTimestamp));
  return section(
    'Events, oldest first',
    events.map(
      ({spec}) =>
        `${age(spec.lastTimestamp, now).padEnd(6)} ${spec.type.padEnd(8)} ${spec.reason.padEnd(24)} ${spec.message}${spec.count > 1 ? ` (×${spec.count})` : ''}`,
    ),
  );
}

function fields(values: Readonly<Record<string, string>>): string[] {
  const width = Math.max(...Object.keys(values).map(({length}) => length)) + 2;
  return Object.entries(values).map(([name, value]) => `${`${name}:`.padEnd(width)}${value}`);
}

function section(title: string, lines: readonly string[]): string[] {
  return ['', `${title}:`, ...(lines.length === 0 ? ['  none'] : lines.map(line => `  ${line}`))];
}

function sshText({username, host, port, gateway}: NonNullable<WorkspaceStatus['ssh']>): string {
  const direct = host === undefined || port === undefined ? [] : [`${username}@${host}:${port}`];
  const led = gateway === undefined ? [] : [`gateway ${gateway.host ?? ''}:${gateway.port}`];
  return [...direct, ...led].join(', ') || '-';
}
