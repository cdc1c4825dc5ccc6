import {age} from '../../api/v1alpha1/age.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {DescribeOptions} from './describe-sections.ts';
import {conditionSection, eventSection, fields, labelText, section} from './describe-sections.ts';
import {describeWorkspace} from './describe-workspace.ts';
import type {ShownResource} from './kind-columns.ts';
import {headersOf, rowOf} from './kind-columns.ts';
import {nodeUsage, sizeText} from './node-usage.ts';
import {gibibytes} from './rows/node-rows.ts';
import type {Cell} from './table.ts';

/** All that there is to say about one resource, a line each. Pure. */
export function describeResource(resource: ShownResource, options: DescribeOptions): string[] {
  switch (resource.kind) {
    case 'Workspace': {
      return [...describeWorkspace(resource, options), ...eventSection(options)];
    }

    case 'Node': {
      return [...describeNode(resource, options), ...eventSection(options)];
    }

    case 'User': {
      return [...describeUser(resource, options), ...eventSection(options)];
    }

    case 'Event': {
      return describeEvent(resource, options);
    }
  }
}

function describeNode(node: Stored<'Node'>, options: DescribeOptions): string[] {
  const {metadata, spec, status} = node;
  const {capacity, allocatable} = status ?? {};
  const {workspaces} = options;
  const usage = workspaces === undefined ? undefined : nodeUsage(node, workspaces);
  const sizes = (of: typeof capacity) =>
    of === undefined
      ? undefined
      : `${of.cpus} cpus, ${gibibytes(of.memory)} memory, ${gibibytes(of.disk)} disk`;
  return [
    ...fields({
      Name: metadata.name,
      Labels: labelText(metadata.labels),
      Age: age(metadata.creationTimestamp, options.now),
      Address: spec.local ? 'this server' : `${spec.user}@${spec.address}:${spec.port}`,
      'Host key': spec.local ? undefined : (spec.hostKey ?? 'none: it is not connected to'),
      Schedulable: spec.unschedulable ? 'no: cordoned' : 'yes',
      Heartbeat: status?.heartbeatAt === undefined ? 'never' : `${age(status.heartbeatAt, options.now)} ago`,
      Agent: status?.agentVersion,
      Providers: status?.providers
        ?.map(
          ({name, backend, version, ready, message}) =>
            `${name}: ${backend} ${version}${ready ? '' : `, not ready: ${message ?? 'no reason given'}`}`,
        )
        .join('\n'),
      Capacity: sizes(capacity),
      Allocatable: sizes(allocatable),
      Reserved: usage === undefined ? undefined : sizeText(usage.reserved),
      Free: usage?.free === undefined ? undefined : sizeText(usage.free),
      Workspaces: String(workspaces?.length ?? status?.workspaces ?? 0),
    }),
    ...section(
      'Workspaces',
      {headers: headersOf('Workspace', false), rows: rowsOf(workspaces, options)},
      options.style,
    ),
    ...conditionSection(status?.conditions, options),
  ];
}

function rowsOf(workspaces: readonly Stored<'Workspace'>[] = [], {now}: DescribeOptions): Cell[][] {
  return workspaces.map(workspace => rowOf(workspace, {wide: false, now}));
}

function describeUser({metadata, spec}: Stored<'User'>, {now}: DescribeOptions): string[] {
  return fields({
    Name: metadata.name,
    Uid: metadata.uid,
    Age: age(metadata.creationTimestamp, now),
    Role: spec.role,
    GitHub:
      spec.githubUsername === undefined ? undefined : `${spec.githubUsername} (${spec.githubId ?? 'no id'})`,
    Keys:
      spec.sshKeys
        .map(({publicKey, fingerprint}) => `${fingerprint} ${publicKey.split(' ')[0]}`)
        .join('\n') || 'none: nobody can log in by ssh',
  });
}

function describeEvent({metadata, spec}: Stored<'Event'>, {now}: DescribeOptions): string[] {
  return fields({
    Name: metadata.name,
    Object: `${spec.regarding.kind.toLowerCase()}/${spec.regarding.name}`,
    Type: spec.type,
    Reason: spec.reason,
    Message: spec.message,
    By: spec.actor,
    Request: spec.requestId,
    Count: String(spec.count),
    First: `${age(spec.firstTimestamp, now)} ago`,
    Last: `${age(spec.lastTimestamp, now)} ago`,
  });
}
