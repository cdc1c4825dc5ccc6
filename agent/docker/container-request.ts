import type {CreateOptions, ImportOptions, Limits} from '../driver.ts';
import {hardwareAddress} from '../network/address.ts';
import {labels} from './labels.ts';

export type Placement = {
  readonly installation: string;
  readonly network: string;
  readonly address: string;
  /** As Docker knows it. */
  readonly image: string;
  /** Whether Docker's storage can hold a container to a size. */
  readonly hasQuota: boolean;
  readonly origin?: Origin | undefined;
};

/** Of the copy of an instance on another node. */
export type Origin = {
  /** See {@link ImportOptions}. */
  readonly mark: string;
  /** The image of ours that it was once made of, or that it was made ready like one. */
  readonly image?: string;
};

/** Most processes and threads of one workspace. */
const mostProcesses = 8192;

/**
 * What is left of Docker's usual capabilities, without those that let a container make devices or forge packets. `sudo` needs most of them, and
 * SYS_PTRACE lets root inside see what belongs to a service (and users debug); all of it within the container's own namespaces.
 */
const capabilities = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
  'SYS_PTRACE',
];

/** Waits for what an image that is not ours is provisioned with; in ours it is there. */
const firstJob = `trap 'exit 0' TERM INT
until [ -x /usr/local/lib/nexus/init ]; do sleep 0.2 & wait "$!"; done
exec /usr/local/lib/nexus/init`;

/** One request that carries everything, so that a creation that is cut off has made all of it or nothing. */
export function containerRequest({spec, hostKey}: CreateOptions, placement: Placement) {
  const {network, address} = placement;
  return {
    Image: placement.image,
    Hostname: spec.name,
    User: 'root',
    Entrypoint: ['/bin/sh', '-c', firstJob],
    Cmd: [],
    WorkingDir: '/',
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Healthcheck: {Test: ['NONE']},
    StopSignal: 'SIGTERM',
    MacAddress: hardwareAddress(address),
    Labels: {
      [labels.installation]: placement.installation,
      [labels.uid]: spec.uid,
      [labels.specHash]: spec.specHash,
      [labels.hostname]: spec.name,
      [labels.address]: address,
      [labels.hostKey]: hostKey.privateKey,
      [labels.publicHostKey]: hostKey.publicKey.trim().split(/\s+/).slice(0, 2).join(' '),
      [labels.authorizedKeys]: keysFile(spec.authorizedKeys),
      [labels.disk]: String(spec.limits.disk),
      ...originLabels(placement.origin),
    },
    HostConfig: {
      ...limitConfig(spec.limits),
      ...(placement.hasQuota ? {StorageOpt: {size: String(spec.limits.disk)}} : {}),
      NetworkMode: network,
      CapDrop: ['ALL'],
      CapAdd: capabilities,
      // As on any machine: gone with a restart. All else stays.
      Tmpfs: {'/run': 'rw,exec,nosuid,nodev,mode=0755'},
      LogConfig: {Type: 'json-file', Config: {'max-size': '1m', 'max-file': '2'}},
      RestartPolicy: {Name: 'no'},
    },
    NetworkingConfig: {EndpointsConfig: {[network]: {IPAMConfig: {IPv4Address: address}}}},
  };
}

function originLabels(origin: Origin | undefined): Record<string, string> {
  if (origin === undefined) return {};
  const {mark, image} = origin;
  return {[labels.incoming]: mark, ...(image === undefined ? {} : {[labels.image]: image})};
}

/** Swap would only put off what the limit is for. */
export function limitConfig({cpus, memory}: Pick<Limits, 'cpus' | 'memory'>) {
  return {NanoCpus: cpus * 1e9, Memory: memory, MemorySwap: memory, PidsLimit: mostProcesses};
}

/** As in `authorized_keys`: a line each. */
export function keysFile(keys: readonly string[]): string {
  return keys.map(key => `${key}\n`).join('');
}
