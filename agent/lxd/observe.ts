import {z} from 'zod';
import {parseBytes} from '../../api/v1alpha1/quantity.ts';
import type {DriverInstance, Limits} from '../driver.ts';
import {marks, templateImage} from './instance-config.ts';
import {canonicalName} from './names.ts';

/** An instance as the backend lists it, less what is not used. */
export const rawInstance = z.object({
  name: z.string(),
  project: z.string(),
  status_code: z.number(),
  created_at: z.string(),
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

/**
 * At most one instance a uid. The one with the canonical name wins; whatever else carries the same mark is then a copy made by hand, and
 * foreign. Without a canonical one the oldest is ours, renamed.
 */
export function ownedInstances(listed: readonly RawInstance[], installation: string): readonly RawInstance[] {
  const byUid = Map.groupBy(
    listed.filter(
      raw => raw.config[marks.installation] === installation && raw.config[marks.uid] !== undefined,
    ),
    raw => raw.config[marks.uid] ?? '',
  );
  return [...byUid].flatMap(([uid, candidates]) => {
    const [oldest] = candidates.toSorted(
      (a, b) => a.created_at.localeCompare(b.created_at) || a.name.localeCompare(b.name),
    );
    return candidates.find(({name}) => name === canonicalName(uid)) ?? oldest ?? [];
  });
}

export function toDriverInstance(raw: RawInstance): DriverInstance {
  const {config, devices} = raw;
  const state = states[raw.status_code] ?? 'Error';
  const specHash = config[marks.specHash];
  const address = devices.eth0?.['ipv4.address'];
  const hostKey = config[marks.publicHostKey];
  const at = config[marks.retiredAt];
  const until = config[marks.retiredUntil];
  return {
    uid: config[marks.uid] ?? '',
    name: raw.name,
    state,
    limits: limitsOf(raw),
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
