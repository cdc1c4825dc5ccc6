import {z} from 'zod';
import type {DriverInstance} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import {labels} from './labels.ts';
import type {Marks} from './marks.ts';
import {incomingNames} from './names.ts';

/** A container as Docker describes it, less what is not used. */
export const rawContainer = z.object({
  Id: z.string(),
  /** With a slash before it. */
  Name: z.string(),
  State: z.object({
    Status: z.string(),
    Paused: z.boolean(),
    Running: z.boolean(),
    Pid: z.number(),
    /** Year 1 when never. */
    StartedAt: z.string(),
  }),
  Config: z.object({
    Labels: z.record(z.string(), z.string()).nullable(),
    Env: z.array(z.string()).nullish(),
  }),
  HostConfig: z.object({NanoCpus: z.number().optional(), Memory: z.number().optional()}),
});

export type RawContainer = z.infer<typeof rawContainer>;

/** One of ours, with what is known of it here. */
export type Container = {
  readonly id: string;
  readonly name: string;
  readonly uid: string;
  readonly raw: RawContainer;
  readonly labels: Readonly<Record<string, string>>;
  readonly marks: Marks | undefined;
};

export function toContainer(raw: RawContainer, marks: Marks | undefined): Container {
  const all = raw.Config.Labels ?? {};
  return {
    id: raw.Id,
    name: raw.Name.replace(/^\//, ''),
    uid: all[labels.uid] ?? '',
    raw,
    labels: all,
    marks: marks?.container === raw.Id ? marks : undefined,
  };
}

export function toDriverInstance(container: Container): DriverInstance {
  const {raw, marks, labels: all} = container;
  const state = stateOf(raw);
  const incoming = incomingOf(container);
  const specHash = all[labels.specHash];
  const address = all[labels.address];
  const hostKey = all[labels.publicHostKey];
  return {
    uid: container.uid,
    name: incoming === undefined ? container.name : canonicalName(container.uid),
    state,
    limits: {
      cpus: Math.round((raw.HostConfig.NanoCpus ?? 0) / 1e9),
      memory: raw.HostConfig.Memory ?? 0,
      disk: marks?.disk ?? Number(all[labels.disk] ?? 0),
    },
    hasRun: hasRun(container),
    ...(hasRunHere(raw) ? {lastStartedAt: new Date(raw.State.StartedAt).toISOString()} : {}),
    ...(incoming === undefined ? {} : {incoming}),
    needsProvisioning: all[labels.image] === undefined && marks?.provisioned !== true,
    ...(specHash ? {specHash} : {}),
    ...(address ? {address} : {}),
    ...(hostKey ? {hostKey} : {}),
    ...(marks?.retired === undefined ? {} : {retired: marks.retired}),
    ...(state === 'Running' || state === 'Frozen'
      ? {startedAt: new Date(raw.State.StartedAt).toISOString()}
      : {}),
  };
}

/** Here, or where it came from: then all that a first start needs is in it. */
export function hasRun({raw, labels: all}: Container): boolean {
  return hasRunHere(raw) || all[labels.incoming] !== undefined;
}

function hasRunHere({State}: RawContainer): boolean {
  return Date.parse(State.StartedAt) > 0;
}

function incomingOf({uid, name, labels: all}: Container): DriverInstance['incoming'] {
  const mark = all[labels.incoming];
  const {making, arrived} = incomingNames(uid);
  return mark !== undefined && (name === making || name === arrived)
    ? {mark, complete: name === arrived}
    : undefined;
}

function stateOf({State}: RawContainer): DriverInstance['state'] {
  if (State.Paused) return 'Frozen';
  switch (State.Status) {
    case 'created':
    case 'exited':
      return 'Stopped';
    case 'running':
      return 'Running';
    case 'restarting':
      return 'Starting';
    case 'removing':
      return 'Stopping';
    default:
      return 'Error';
  }
}
