import {z} from 'zod';
import {parseBytes} from '../../api/v1alpha1/quantity.ts';
import type {DriverInstance, Limits} from '../driver.ts';
import {identity, identityOf, marks, templateImage} from './instance-config.ts';

/** An instance as the backend lists it, less what is not used. */
export const rawInstance = z.object({
  name: z.string(),
  project: z.string(),
  status_code: z.number(),
  /** Of the last start. */
  last_used_at: z.string(),
  config: z.record(z.string(), z.string()),
  devices: z.record(z.string(), z.record(z.string(), z.string())),
});

export type RawInstance = z.infer<typeof rawInstance>;

const states: Readonly<Record<number, DriverInstance['state']>> = {
  101: 'Starting',
  102: 'Stopped',
  103: 'Running',
  106: 'Starting',
  107: 'Stopping',
  108: 'Stopping',
  109: 'Running',
  110: 'Frozen',
  111: 'Running',
  112: 'Error',
  113: 'Running',
};

/** Whether it is ours, and no copy that somebody made of one of ours, marks included. */
export function isOwned({config}: RawInstance, installation: string): boolean {
  const uid = config[marks.uid];
  return (
    uid !== undefined && config[marks.installation] === installation && config[identity] === identityOf(uid)
  );
}

export function toDriverInstance(raw: RawInstance): DriverInstance {
  const {config, devices} = raw;
  const state = states[raw.status_code] ?? 'Error';
  const specHash = config[marks.specHash];
  const address = devices.eth0?.['ipv4.address'];
  const hostKey = config[marks.publicHostKey];
  const at = config[marks.retiredAt];
  const until = config[marks.retiredUntil];
  const incoming = config[marks.incoming];
  return {
    uid: config[marks.uid] ?? '',
    name: raw.name,
    state,
    limits: limitsOf(raw),
    hasRun: hasRun(raw) || Boolean(config[marks.moved]),
    ...(hasRun(raw) ? {lastStartedAt: new Date(raw.last_used_at).toISOString()} : {}),
    ...(incoming ? {incoming: {mark: incoming, complete: config[marks.arrived] === 'true'}} : {}),
    needsProvisioning: config[templateImage.key] !== templateImage.value && !config[marks.provisioned],
    ...(specHash ? {specHash} : {}),
    ...(address ? {address} : {}),
    ...(hostKey ? {hostKey} : {}),
    ...(at && until ? {retired: {at, until}} : {}),
    ...(state === 'Running' || state === 'Frozen'
      ? {startedAt: new Date(raw.last_used_at).toISOString()}
      : {}),
  };
}

/** The backend has a time of the last start from the first one on. */
function hasRun({last_used_at}: RawInstance): boolean {
  return Date.parse(last_used_at) > 0;
}

/** 0 for a limit that is missing or in a form that we never write, which can't equal what anybody declares. */
function limitsOf({config, devices}: RawInstance): Limits {
  const cpus = Number(config['limits.cpu']);
  return {
    cpus: Number.isInteger(cpus) ? cpus : 0,
    memory: bytesOf(config['limits.memory']),
    disk: bytesOf(devices.root?.size),
  };
}

function bytesOf(text: string | undefined): number {
  try {
    return text === undefined ? 0 : parseBytes(text);
  } catch {
    return 0;
  }
}
