import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import type {Condition} from '../../api/v1alpha1/condition.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {WorkspacePhase, WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import type {Copy} from './copies.ts';
import {isFailing} from './failures.ts';
import type {Evidence} from './findings.ts';
import {canonicalJson} from './hashes.ts';
import {conditionsOf} from './readiness.ts';
import {forgotten, serviceStatuses} from './service-status.ts';
import {instanceOf} from './sight.ts';
import type {Wait} from './situation.ts';

export type StatusOptions = Omit<Evidence, 'services'> & {
  readonly node: Stored<'Node'> | undefined;
  /** The server's, if it has one. */
  readonly gateway?: GatewayPlace | undefined;
  readonly wait: Wait | undefined;
  /** Of a move that is under way. */
  readonly copy?: Copy;
  /** Milliseconds since 1970. */
  readonly now: number;
};

/** Where users reach the gateway; `host` undefined: by the server's own name. */
export type GatewayPlace = {readonly host?: string; readonly port: number};

/** Milliseconds between two writes of a status in which nothing but times of observation is new. */
const observationInterval = 60_000;

/** What status is to say on this evidence. Keeps what was said before of what nothing is known of now. Pure. */
export function statusOf(workspace: Stored<'Workspace'>, options: StatusOptions): WorkspaceStatus {
  const {desired, sight, status: previous} = options;
  if (sight.kind === 'Quiet') {
    return desired.deletion === 'no' ? previous : {...previous, phase: 'Deleting'};
  }

  const instance = instanceOf(sight);
  const isUnknown = sight.kind === 'Unknown';
  const isKnown = desired.configuration.state === 'Known';
  const services = serviceStatuses({
    services: desired.configuration.state === 'Known' ? desired.configuration.services : [],
    ports: previous.ports ?? [],
    instance,
    previous: previous.services ?? [],
    isUnknown,
    host: options.node?.spec.address,
  });
  const evidence: Evidence = {...options, services};
  const conditions = conditionsOf(workspace, evidence, options);
  return {
    phase: phaseOf(evidence, conditions),
    observedGeneration: workspace.metadata.generation,
    conditions,
    ...(previous.node !== undefined && {node: previous.node, ports: previous.ports ?? []}),
    ...(previous.reserved !== undefined && {reserved: previous.reserved}),
    ...migrationOf(options),
    ...sshOf(options, instance),
    ...(isUnknown
      ? unobserved(previous)
      : {
          ...observedOf(workspace, instance),
          ...setupOf(options, instance),
        }),
    services: isKnown ? services : forgotten(previous.services ?? [], isUnknown),
    ...failuresOf(options),
  };
}

/** Whether `next` says more than `previous`; times of observation alone count once a minute. */
export function isWorthWriting(previous: WorkspaceStatus, next: WorkspaceStatus): boolean {
  // Mostly nothing is new and even the order of keys is the same, which is quick to see.
  if (JSON.stringify(previous) === JSON.stringify(next) || canonicalJson(previous) === canonicalJson(next)) {
    return false;
  }

  const age = Date.parse(next.observedAt ?? '') - Date.parse(previous.observedAt ?? '');
  return withoutTimes(previous) !== withoutTimes(next) || Number.isNaN(age) || age >= observationInterval;
}

function withoutTimes(status: WorkspaceStatus): string {
  const {instance, repo, services} = status;
  return canonicalJson({
    ...status,
    observedAt: undefined,
    instance: instance && {...instance, observedAt: undefined},
    repo: repo && {...repo, observedAt: undefined},
    services: services?.map(service => ({...service, observedAt: undefined})),
  });
}

function phaseOf({desired, sight, status, book}: Evidence, conditions: readonly Condition[]): WorkspacePhase {
  if (desired.deletion !== 'no') {
    return 'Deleting';
  }

  if (sight.kind === 'Unknown') {
    return 'Unknown';
  }

  if (isFailing(book) || desired.configuration.state === 'Invalid') {
    return 'Error';
  }

  const instance = instanceOf(sight);
  if (!desired.running) {
    return instance === undefined || instance.state === 'Stopped' ? 'Stopped' : downward(instance);
  }

  if (status.node === undefined) {
    return 'Pending';
  }

  const isUp = (['SshReady', 'RepositoryCloned', 'SetupSucceeded'] as const).every(
    type => findCondition(conditions, type)?.status === 'True',
  );
  return isUp ? 'Running' : 'Creating';
}

/** On the way to being stopped. */
function downward({state}: Instance): WorkspacePhase {
  return state === 'Creating' ? 'Creating' : 'Running';
}

/** How it is reached: through a port of its node, through the gateway, or both. */
function sshOf(
  {node, status, gateway}: StatusOptions,
  instance: Instance | undefined,
): Pick<WorkspaceStatus, 'ssh'> {
  const port = status.ports?.find(({name}) => name === 'ssh')?.nodePort;
  if (status.node === undefined || node === undefined || (port === undefined && gateway === undefined)) {
    return status.ssh === undefined || status.node === undefined ? {} : {ssh: status.ssh};
  }

  const hostKey = instance?.hostKey ?? status.ssh?.hostKey;
  return {
    ssh: {
      ...(port !== undefined && {host: node.spec.address, port}),
      username: 'dev',
      ...(hostKey !== undefined && {hostKey}),
      ...(gateway !== undefined && {gateway: {...gateway}}),
    },
  };
}

/** What was last seen, with its times: the conditions say that it is no longer known. */
function unobserved(previous: WorkspaceStatus): WorkspaceStatus {
  const {instance, repo, setup, observedAt} = previous;
  return {
    ...(instance !== undefined && {instance}),
    ...(repo !== undefined && {repo}),
    ...(setup !== undefined && {setup}),
    ...(observedAt !== undefined && {observedAt}),
  };
}

function observedOf({spec}: Stored<'Workspace'>, instance: Instance | undefined): WorkspaceStatus {
  const {repo} = spec;
  const repository = instance?.repository;
  const branch = repository?.branch ?? repo?.branch;
  return {
    ...(instance !== undefined && {
      instance: {
        name: instance.name,
        state: instance.state,
        ...(instance.address !== undefined && {address: instance.address}),
        ...(instance.specHash !== undefined && {specHash: instance.specHash}),
        ...(instance.startedAt !== undefined && {startedAt: instance.startedAt}),
        observedAt: instance.observedAt,
      },
      observedAt: instance.observedAt,
      ...(instance.operation !== undefined && {operationStartedAt: instance.operation.startedAt}),
    }),
    ...(repo !== undefined && {
      repo: {
        ...(repo.owner !== undefined && {owner: repo.owner}),
        name: repo.name,
        ...(branch !== undefined && {branch}),
        ...(repository?.commit !== undefined && {commit: repository.commit}),
        ...(repository?.unsaved !== undefined && {dirty: repository.unsaved}),
        ...(repository !== undefined && {observedAt: repository.observedAt}),
      },
    }),
  };
}

function setupOf({desired}: StatusOptions, instance: Instance | undefined): Pick<WorkspaceStatus, 'setup'> {
  const {configuration} = desired;
  if (configuration.state !== 'Known' || configuration.setup.commands.length === 0) {
    return {};
  }

  const setup = instance?.setup;
  return setup?.hash !== configuration.setup.hash
    ? {setup: {state: 'Pending'}}
    : {
        setup: {
          state: setup.state,
          ...(setup.exitCode !== undefined && {exitCode: setup.exitCode}),
          ...(setup.message !== undefined && {message: setup.message}),
        },
      };
}

function migrationOf({status: {migration, lastMove}, copy}: StatusOptions): WorkspaceStatus {
  const copied = copy?.state === 'Running' || copy?.state === 'Done' ? {copied: copy.copied} : {};
  return {
    ...(migration !== undefined && {migration: {...migration, ...copied}}),
    ...(lastMove !== undefined && {lastMove}),
  };
}

function failuresOf({book}: StatusOptions): WorkspaceStatus {
  return {
    ...(book.count > 0 && {failures: book.count}),
    ...(book.count > 0 &&
      book.nextAttemptAt !== undefined && {nextAttemptAt: timestampAt(book.nextAttemptAt)}),
    ...(book.last !== undefined && {lastFailure: book.last}),
  };
}
