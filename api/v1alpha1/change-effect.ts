import type {Service} from './service.ts';
import type {WorkspaceSpec} from './workspace.ts';

/** What a change of spec does to a running workspace, least to most. */
export type ChangeEffect = 'none' | 'inPlace' | 'restartService' | 'recreate';

export type SpecChange = {
  /** Dotted, such as `services.web.command`. */
  readonly path: string;
  readonly effect: ChangeEffect;
  /** For people: what will happen. */
  readonly message: string;
};

export type ChangeSummary = {
  /** The largest of all changes. */
  readonly effect: ChangeEffect;
  readonly changes: readonly SpecChange[];
};

const weight: Readonly<Record<ChangeEffect, number>> = {none: 0, inPlace: 1, restartService: 2, recreate: 3};

type FieldRule = {
  readonly path: string;
  readonly effect: ChangeEffect;
  readonly message: string;
  read(spec: WorkspaceSpec): unknown;
};

const rules: readonly FieldRule[] = [
  {
    path: 'provider',
    effect: 'recreate',
    message: 'needs a new instance on another backend',
    read: spec => spec.provider,
  },
  {path: 'image', effect: 'recreate', message: 'needs a new instance', read: spec => spec.image},
  {
    path: 'env',
    effect: 'restartService',
    message: 'restarts all services; logins have it from then on',
    read: spec => spec.env,
  },
  {
    path: 'resources.cpus',
    effect: 'inPlace',
    message: 'is set on the running instance',
    read: spec => spec.resources.cpus,
  },
  {
    path: 'resources.memory',
    effect: 'inPlace',
    message: 'is set on the running instance',
    read: spec => spec.resources.memory,
  },
  {
    path: 'resources.disk',
    effect: 'inPlace',
    message: 'is set on the running instance',
    read: spec => spec.resources.disk,
  },
  {
    path: 'resources.requests',
    effect: 'inPlace',
    message: 'is set aside on its node as soon as there is room',
    read: spec => spec.resources.requests,
  },
  {
    path: 'owner',
    effect: 'inPlace',
    message: 'replaces the keys that may log in',
    read: spec => spec.owner,
  },
  {path: 'setup', effect: 'inPlace', message: 'runs the setup commands again', read: spec => spec.setup},
  {
    path: 'configFrom',
    effect: 'restartService',
    message: 'takes setup and services from elsewhere',
    read: spec => spec.configFrom,
  },
  {
    path: 'repo.bundle',
    effect: 'inPlace',
    message: 'brings the new commits in, by fast-forward and only if nothing is uncommitted',
    read: spec => spec.repo?.bundle,
  },
  {
    path: 'repo',
    effect: 'none',
    message: 'is used when the repository is cloned again',
    read: ({repo}) => repo && {...repo, bundle: undefined},
  },
  {
    path: 'node',
    effect: 'none',
    message: 'is used when it is placed; once it is, only its own node is accepted here',
    read: spec => spec.node,
  },
  {
    path: 'nodeSelector',
    effect: 'none',
    message: 'is used when it is next placed',
    read: spec => spec.nodeSelector,
  },
  {path: 'deadlines', effect: 'inPlace', message: 'holds from now on', read: spec => spec.deadlines},
];

/** What applying `next` to a workspace that runs `previous` does. Pure; the same answer as the controller acts on. */
export function changeEffect(previous: WorkspaceSpec, next: WorkspaceSpec): ChangeSummary {
  const changes: SpecChange[] = [
    ...rules
      .filter(({read}) => !same(read(previous), read(next)))
      .map(({path, effect, message}) => ({path, effect, message})),
    ...runningChange(previous, next),
    ...serviceChanges(previous.services, next.services),
  ];
  let effect: ChangeEffect = 'none';
  for (const change of changes) {
    if (weight[change.effect] > weight[effect]) {
      effect = change.effect;
    }
  }

  return {effect, changes};
}

function runningChange(previous: WorkspaceSpec, next: WorkspaceSpec): SpecChange[] {
  if (previous.running === next.running) {
    return [];
  }

  const message = next.running ? 'starts the workspace' : 'stops the workspace; what is in it is kept';
  return [{path: 'running', effect: 'inPlace', message}];
}

function serviceChanges(previous: readonly Service[], next: readonly Service[]): SpecChange[] {
  const names = new Set([...previous, ...next].map(({name}) => name));
  const changes: SpecChange[] = [];
  for (const name of names) {
    const before = previous.find(service => service.name === name);
    const after = next.find(service => service.name === name);
    if (before === undefined) {
      changes.push({path: `services.${name}`, effect: 'inPlace', message: 'is started'});
    } else if (after === undefined) {
      changes.push({path: `services.${name}`, effect: 'restartService', message: 'is stopped'});
    } else {
      const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
      for (const field of [...fields].filter(key => !same(fieldOf(before, key), fieldOf(after, key)))) {
        const message = 'restarts this service and no other';
        changes.push({path: `services.${name}.${field}`, effect: 'restartService', message});
      }
    }
  }

  return changes;
}

function fieldOf(service: Service, field: string): unknown {
  return Object.entries(service).find(([key]) => key === field)?.[1];
}

/** Equal as JSON, whatever the order of keys; a field that is undefined is as good as absent. */
function same(left: unknown, right: unknown): boolean {
  if (left === right) {
    return true;
  }

  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return false;
  }

  const leftEntries = Object.entries(left).filter(([, value]) => value !== undefined);
  const rightEntries = new Map(Object.entries(right).filter(([, value]) => value !== undefined));
  return (
    Array.isArray(left) === Array.isArray(right) &&
    leftEntries.length === rightEntries.size &&
    leftEntries.every(([key, value]) => rightEntries.has(key) && same(value, rightEntries.get(key)))
  );
}
