import type {Instance, InstanceSpec, RepositorySpec} from '../../api/agent/v1alpha1/instance.ts';
import {
  forceDeleteAnnotation,
  forceRecreateAnnotation,
  recreateAnnotation,
} from '../../api/v1alpha1/annotations.ts';
import {parseDuration} from '../../api/v1alpha1/duration.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Service} from '../../api/v1alpha1/service.ts';
import type {User} from '../../api/v1alpha1/user.ts';
import type {WorkspaceSpec} from '../../api/v1alpha1/workspace.ts';
import {servicesHash, setupHash, specHash} from './hashes.ts';
import type {Size} from './room.ts';
import {limitsOf, wantedReservation} from './room.ts';

/** What a clone says about itself; see `repository.configuration` of an instance. */
export type RepositoryFacts = NonNullable<NonNullable<Instance['repository']>['configuration']>;

/** Makes setup and services from a clone's `.nexus/config.yaml`, or from its files when it has none. Pure. */
export type ReadConfiguration = (facts: RepositoryFacts) =>
  | {
      readonly setup: readonly string[];
      readonly services: readonly Service[];
      readonly env?: Readonly<Record<string, string>>;
    }
  | {readonly problem: string};

export type Configuration =
  | {
      readonly state: 'Known';
      readonly setup: {readonly commands: readonly string[]; readonly hash: string};
      readonly services: readonly Service[];
      readonly servicesHash: string;
      readonly env: Readonly<Record<string, string>>;
    }
  /** Not read from the clone yet. */
  | {readonly state: 'Pending'}
  | {readonly state: 'Invalid'; readonly problem: string};

/** Milliseconds. */
export type Deadlines = Readonly<Record<keyof WorkspaceSpec['deadlines'], number>>;

export type PortRequest = {readonly name: string; readonly targetPort: number};

/** All that is wanted of one workspace, from its spec, its owner's keys and what its clone says. */
export type Desired = {
  readonly uid: string;
  readonly name: string;
  readonly running: boolean;
  readonly instance: InstanceSpec;
  /** To be set aside for it on its node. */
  readonly reservation: Size;
  /** Undefined when the owner is not known: then the keys that are there stay. */
  readonly authorizedKeys: readonly string[] | undefined;
  /** Folder of the repository in /home/dev; empty without one. */
  readonly directory: string;
  readonly repository: RepositorySpec | undefined;
  readonly configuration: Configuration;
  /** `ssh` first, then those of services, lowest first. Without services' while their configuration is not known. */
  readonly ports: readonly PortRequest[];
  readonly deadlines: Deadlines;
  /** May the instance be replaced by one of the wanted spec? `force`: even if work in it is lost. */
  readonly recreate: 'no' | 'ifSaved' | 'force';
  readonly deletion: 'no' | 'ifSaved' | 'force';
};

export type DesiredOptions = {
  readonly owner: Pick<User, 'spec'> | undefined;
  /** Of the clone, once there is one. */
  readonly facts: RepositoryFacts | undefined;
  readonly readConfiguration: ReadConfiguration;
};

export function desiredOf(workspace: Stored<'Workspace'>, options: DesiredOptions): Desired {
  const {metadata, spec} = workspace;
  const authorizedKeys = options.owner?.spec.sshKeys.map(({publicKey}) => publicKey);
  const directory = spec.repo?.name ?? '';
  const configuration = configurationOf(spec, directory, options);
  const hash = specHash(spec);
  const annotations = metadata.annotations ?? {};
  return {
    uid: metadata.uid,
    name: metadata.name,
    running: spec.running,
    instance: {
      uid: metadata.uid,
      name: metadata.name,
      provider: spec.provider,
      image: spec.image,
      limits: {...limitsOf(spec)},
      env: spec.env,
      authorizedKeys: authorizedKeys ?? [],
      specHash: hash,
    },
    reservation: wantedReservation(spec),
    authorizedKeys,
    directory,
    repository: repositoryOf(spec),
    configuration,
    ports: portRequests(configuration),
    deadlines: deadlinesOf(spec),
    recreate: recreation(annotations, hash),
    deletion: deletion(metadata.deletionTimestamp, annotations),
  };
}

function configurationOf(spec: WorkspaceSpec, directory: string, options: DesiredOptions): Configuration {
  if (spec.configFrom === 'spec' || spec.repo === undefined) {
    return known(spec, directory, spec.env);
  }

  if (options.facts === undefined) {
    return {state: 'Pending'};
  }

  const configuration = options.readConfiguration(options.facts);
  return 'problem' in configuration
    ? {state: 'Invalid', problem: configuration.problem}
    : known(configuration, directory, {...configuration.env, ...spec.env});
}

function known(
  source: {readonly setup: readonly string[]; readonly services: readonly Service[]},
  directory: string,
  env: Readonly<Record<string, string>>,
): Configuration {
  return {
    state: 'Known',
    setup: {commands: source.setup, hash: setupHash(source.setup)},
    services: source.services,
    servicesHash: servicesHash({directory, env, services: source.services}),
    env,
  };
}

function portRequests(configuration: Configuration): PortRequest[] {
  const services = configuration.state === 'Known' ? configuration.services : [];
  return [
    {name: 'ssh', targetPort: 22},
    ...services
      .flatMap(({name, port}) => (port === undefined ? [] : [{name: portName(name), targetPort: port}]))
      .sort((left, right) => left.targetPort - right.targetPort),
  ];
}

/** The allocation of a service's port. A service may be called `ssh` too; `ssh` alone is the workspace's own. */
export function portName(service: string): string {
  return service === 'ssh' ? 'service/ssh' : service;
}

function repositoryOf({repo}: WorkspaceSpec): RepositorySpec | undefined {
  return (
    repo && {
      directory: repo.name,
      ...(repo.url !== undefined && {url: repo.url}),
      ...(repo.branch !== undefined && {branch: repo.branch}),
      ...(repo.bundle !== undefined && {bundle: repo.bundle}),
    }
  );
}

function deadlinesOf({deadlines}: WorkspaceSpec): Deadlines {
  return {
    create: parseDuration(deadlines.create),
    start: parseDuration(deadlines.start),
    stop: parseDuration(deadlines.stop),
    clone: parseDuration(deadlines.clone),
    setup: parseDuration(deadlines.setup),
  };
}

function recreation(annotations: Readonly<Record<string, string>>, hash: string): Desired['recreate'] {
  if (annotations[forceRecreateAnnotation] === hash) {
    return 'force';
  }

  const allowed = annotations[recreateAnnotation];
  return allowed === hash || allowed === 'allowed' ? 'ifSaved' : 'no';
}

function deletion(
  requestedAt: string | undefined,
  annotations: Readonly<Record<string, string>>,
): Desired['deletion'] {
  if (requestedAt === undefined) {
    return 'no';
  }

  return annotations[forceDeleteAnnotation] === 'true' ? 'force' : 'ifSaved';
}
