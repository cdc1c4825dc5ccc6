import {createHash} from 'node:crypto';
import type {InstanceSpec} from '../../api/agent/v1alpha1/instance.ts';
import type {CreateOptions, Limits} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Subnet} from '../network/address.ts';
import {hardwareAddress} from '../network/address.ts';
import type {ImageSource} from './image-source.ts';
import type {Names} from './names.ts';
import type {Backend} from './server.ts';

/**
 * Keys of an instance's config that are ours. The templates of `nexus/base` (hack/image/metadata.yaml) read hostname, network, dns,
 * authorized-keys and host-key at the first start.
 */
export const marks = {
  uid: 'user.nexus.uid',
  installation: 'user.nexus.installation',
  specHash: 'user.nexus.spec-hash',
  hostname: 'user.nexus.hostname',
  network: 'user.nexus.network',
  dns: 'user.nexus.dns',
  authorizedKeys: 'user.nexus.authorized-keys',
  hostKey: 'user.nexus.host-key',
  publicHostKey: 'user.nexus.public-host-key',
  retiredAt: 'user.nexus.retired-at',
  retiredUntil: 'user.nexus.retired-until',
  /** `uid:gid` of user dev, once an image that is not ours was made ready. */
  provisioned: 'user.nexus.provisioned',
  /** Of a copy that is not accepted, see {@link Transfer}; `arrived` once it is complete. */
  incoming: 'user.nexus.incoming',
  arrived: 'user.nexus.arrived',
  /** It came from another node, where it may have run. */
  moved: 'user.nexus.moved',
} as const;

/**
 * The backend's own identity of an instance, which we choose: it stays when the instance is renamed and is not taken along by a copy, so it
 * tells the two apart, which our marks don't.
 */
export const identity = 'volatile.uuid';

/** The property of the image, copied by the backend to the instance, that tells an image with our templates from all others. */
export const templateImage = {key: 'image.name', value: 'nexus/base'} as const;

export type Config = Readonly<Record<string, string>>;
export type Devices = Readonly<Record<string, Config>>;

export type InstanceRequest = {
  readonly name: string;
  readonly type: 'container';
  readonly source: ImageSource;
  readonly profiles: readonly string[];
  readonly config: Config;
  readonly devices: Devices;
};

export type Placement = {
  readonly names: Names;
  readonly installation: string;
  readonly backend: Backend;
  readonly subnet: Subnet;
  readonly address: string;
  readonly source: ImageSource;
};

/** One request that carries everything a first start needs, so that nothing sits between it and sshd. */
export function instanceRequest({spec, hostKey}: CreateOptions, placement: Placement): InstanceRequest {
  const {address, backend} = placement;
  return {
    name: canonicalName(spec.uid),
    type: 'container',
    source: placement.source,
    // Everything is the instance's own: what somebody edits in a profile changes no workspace.
    profiles: [],
    config: {
      ...limitConfig(spec.limits),
      ...environmentConfig(spec.env),
      ...fixedConfig(backend),
      [identity]: identityOf(spec.uid),
      [marks.uid]: spec.uid,
      [marks.installation]: placement.installation,
      [marks.specHash]: spec.specHash,
      [marks.hostname]: spec.name,
      [marks.network]: networkFile(placement.subnet, address),
      [marks.dns]: placement.subnet.gateway,
      [marks.authorizedKeys]: keysFile(spec.authorizedKeys),
      [marks.hostKey]: hostKey.privateKey,
      [marks.publicHostKey]: withoutComment(hostKey.publicKey),
    },
    devices: deviceConfig(placement, spec.limits.disk),
  };
}

/** `disk` in bytes. */
export function deviceConfig(
  {names, address}: Pick<Placement, 'names' | 'address'>,
  disk: number | string,
): Devices {
  return {
    root: {type: 'disk', path: '/', pool: names.pool, size: String(disk)},
    eth0: {
      type: 'nic',
      name: 'eth0',
      network: names.bridge,
      hwaddr: hardwareAddress(address),
      'ipv4.address': address,
      ...ownTrafficOnly,
    },
  };
}

/**
 * Users of its own: the kernel's quotas of keys and the like are by user id, and nobody else's processes or files have these. On Incus only:
 * LXD 5.0.2 at times gives an instance ids below those that root may give away, and keeps them, so that it never starts.
 */
const ownUsers: Config = {
  'security.idmap.isolated': 'true',
  // As many as containers inside, with users of their own, are usually given.
  'security.idmap.size': '262144',
};

const ownTrafficOnly: Config = {
  // Services that listen on all addresses are for their owner, not for whoever has another workspace.
  'security.port_isolation': 'true',
  // Nobody speaks in the name of another one's address.
  'security.mac_filtering': 'true',
  'security.ipv4_filtering': 'true',
  'security.ipv6_filtering': 'true',
};
/** The same for all instances of ours. */
export function fixedConfig(backend: Backend): Config {
  return {
    ...(backend === 'incus' ? ownUsers : {}),
    'limits.processes': '8192',
    // Containers inside workspaces; the workspace itself stays unprivileged.
    'security.nesting': 'true',
    // No way from inside to the backend, and so none to the keys in this config.
    [backend === 'incus' ? 'security.guestapi' : 'security.devlxd']: 'false',
  };
}

export function limitConfig(limits: Limits): Config {
  return {'limits.cpu': String(limits.cpus), 'limits.memory': String(limits.memory)};
}

/** As in `authorized_keys`: a line each. */
export function keysFile(keys: readonly string[]): string {
  return keys.map(key => `${key}\n`).join('');
}

/**
 * For init and what the backend executes. The backend writes these into a file of lines, so values of several lines are left out; services and
 * logins get theirs from the agent, whole.
 */
function environmentConfig(env: InstanceSpec['env']): Config {
  return Object.fromEntries(
    Object.entries(env)
      .filter(([, value]) => !/[\n\r\0]/.test(value))
      .map(([name, value]) => [`environment.${name}`, value]),
  );
}

/** For systemd-networkd. The address is known beforehand, so no boot waits for DHCP. */
export function networkFile({gateway, prefix}: Subnet, address: string): string {
  return `[Match]
Name=eth0

[Network]
Address=${address}/${prefix}
Gateway=${gateway}
DNS=${gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
`;
}

/** A UUID for every uid; uids that are UUIDs stand for themselves. */
export function identityOf(uid: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uid)) return uid;

  const digest = createHash('sha256').update(uid).digest('hex');
  return digest.slice(0, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}

export function withoutComment(publicKey: string): string {
  return publicKey.trim().split(/\s+/).slice(0, 2).join(' ');
}
