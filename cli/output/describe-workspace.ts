import {age} from '../../api/v1alpha1/age.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {formatBytes} from '../../api/v1alpha1/quantity.ts';
import type {DescribeOptions} from './describe-sections.ts';
import {conditionSection, fields, labelText, section} from './describe-sections.ts';
import {phaseOf, phaseTones} from './rows/workspace-rows.ts';
import type {Cell} from './table.ts';
import {printable} from './table.ts';

export function describeWorkspace(workspace: Stored<'Workspace'>, options: DescribeOptions): string[] {
  const {metadata, spec, status} = workspace;
  const {now, style} = options;
  const phase = phaseOf(workspace);
  return [
    ...fields({
      Name: metadata.name,
      Uid: metadata.uid,
      Owner: spec.owner,
      Labels: labelText(metadata.labels),
      Age: age(metadata.creationTimestamp, now),
      Phase: phase,
      Seen: status?.observedAt === undefined ? 'never' : `${age(status.observedAt, now)} ago`,
      Image: `${spec.image} (${spec.provider})`,
      Limits: `${spec.resources.cpus} cpus, ${spec.resources.memory} memory, ${spec.resources.disk} disk`,
      Reserved:
        status?.reserved === undefined
          ? undefined
          : `${status.reserved.cpus} cpus, ${formatBytes(status.reserved.memory)} memory, ${formatBytes(status.reserved.disk)} disk`,
      Wanted: spec.running ? 'running' : 'stopped',
      Node: status?.node ?? spec.node,
      Instance:
        status?.instance === undefined
          ? undefined
          : [status.instance.name, status.instance.state, status.instance.address].filter(Boolean).join(', '),
      Ssh: sshText(workspace),
      'Host key': status?.ssh?.hostKey,
      Repo: repositoryText(workspace),
      Commit: commitText(workspace, now),
      Setup: setupText(workspace),
      Failures:
        (status?.failures ?? 0) === 0
          ? undefined
          : `${status?.failures} in a row, next attempt ${status?.nextAttemptAt ?? 'when something changes'}`,
    }).map(line =>
      line.startsWith('Phase:') ? line.replace(phase, () => style(phaseTones[phase], phase)) : line,
    ),
    ...serviceSection(workspace, options),
    ...portSection(workspace, options),
    ...conditionSection(status?.conditions, options),
  ];
}

function sshText({metadata, status}: Stored<'Workspace'>): string | undefined {
  if (status?.ssh === undefined) {
    return undefined;
  }

  const {host, port, username, gateway} = status.ssh;
  const direct = host === undefined || port === undefined ? [] : [`${username}@${host}, port ${port}`];
  const led =
    gateway === undefined
      ? []
      : [
          `through the gateway${gateway.host === undefined ? '' : ` at ${gateway.host}`}, port ${gateway.port}`,
        ];
  const ways = [...direct, ...led].join('; or ');
  return ways === '' ? undefined : `${ways} (nexus ssh ${metadata.name})`;
}

function repositoryText({spec: {repo, configFrom}}: Stored<'Workspace'>): string | undefined {
  if (repo === undefined) {
    return undefined;
  }

  const source = repo.url ?? 'commits uploaded by nexus apply';
  const branch = repo.branch === undefined ? '' : `, branch ${repo.branch}`;
  const config = configFrom === 'repository' ? ', configured by its .nexus/config.yaml' : '';
  return `${repo.name} from ${source}${branch}${config}`;
}

function commitText({status}: Stored<'Workspace'>, now: number): string | undefined {
  const {repo} = status ?? {};
  if (repo?.commit === undefined) {
    return undefined;
  }

  const work = repo.dirty === undefined ? '' : repo.dirty ? ', holds unsaved work' : ', nothing unsaved';
  const seen = repo.observedAt === undefined ? '' : ` (seen ${age(repo.observedAt, now)} ago)`;
  return `${repo.commit}${work}${seen}`;
}

function setupText({status}: Stored<'Workspace'>): string | undefined {
  const {setup} = status ?? {};
  if (setup === undefined) {
    return undefined;
  }

  const code = setup.exitCode === undefined ? '' : `, exit code ${setup.exitCode}`;
  return `${setup.state}${code}${setup.message === undefined ? '' : `\n${setup.message.trim()}`}`;
}

function serviceSection({status}: Stored<'Workspace'>, {now, style}: DescribeOptions): string[] {
  const rows = (status?.services ?? []).map((service): Cell[] => [
    {text: service.name},
    {
      text: service.status,
      tone:
        service.health === 'Healthy'
          ? 'good'
          : ['Failed', 'BackOff', 'Unhealthy'].includes(service.status)
            ? 'bad'
            : 'warning',
    },
    {text: age(service.since, now)},
    {text: String(service.restarts)},
    {text: service.url ?? (service.localPort === undefined ? '-' : String(service.localPort))},
    {
      text:
        [
          service.exitCode === undefined ? '' : `exit code ${service.exitCode}`,
          printable(service.lastError ?? ''),
        ]
          .filter(text => text !== '')
          .join(': ') || '-',
    },
  ]);
  return section(
    'Services',
    {headers: ['NAME', 'STATUS', 'SINCE', 'RESTARTS', 'URL', 'LAST ERROR'], rows},
    style,
  );
}

function portSection({status}: Stored<'Workspace'>, {style}: DescribeOptions): string[] {
  const rows = (status?.ports ?? []).map(({name, nodePort, targetPort}): Cell[] => [
    {text: name},
    {text: String(nodePort)},
    {text: String(targetPort)},
  ]);
  return section('Ports', {headers: ['NAME', 'NODE', 'WORKSPACE'], rows}, style);
}
