import {z} from 'zod';
import {DriverError, isDriverError} from '../driver.ts';
import type {Client} from './client.ts';
import type {Names} from './names.ts';

/** A machine's address in one of its IPv4 networks. */
export type MachineNetwork = {
  /** With the length of the prefix: `192.0.2.7/24`. */
  readonly cidr: string;
  /** Whether the rest of the network is on the machine itself, as behind a bridge that leads nowhere else. */
  readonly internal: boolean;
};

export type BoundaryOptions = {
  readonly client: Pick<Client, 'get' | 'find' | 'call'>;
  readonly names: Pick<Names, 'bridge'>;
  /** Those that the machine has now. */
  readonly networks: readonly MachineNetwork[];
};

type Rule = {
  readonly action: string;
  readonly destination?: string | undefined;
  readonly source?: string | undefined;
};
type Rules = {readonly egress: readonly Rule[]; readonly ingress: readonly Rule[]};

const rule = z.object({
  action: z.string(),
  destination: z.string().optional(),
  source: z.string().optional(),
});
const acl = z.object({egress: z.array(rule), ingress: z.array(rule)});
const network = z.object({config: z.record(z.string(), z.string())});

/** Where clouds tell machines their secrets, and what else lies between a machine and its first router. */
const linkLocal = '169.254.0.0/16';

/**
 * Sees to it that workspaces reach the world and the bridge's DNS and DHCP, and nothing of the machine itself: neither its own programs nor
 * ports of other workspaces, at whichever address, nor other networks that are on it; and that nothing but the machine reaches them. Looks first,
 * and changes what differs.
 */
export async function ensureBoundary({client, names: {bridge}, networks}: BoundaryOptions): Promise<void> {
  const path = `/1.0/networks/${bridge}`;
  const {config} = await client.get(path, network);
  await ensureAcl(client, bridge, rulesFor(networks, config['ipv4.address'] ?? ''));

  const wanted = {
    'security.acls': bridge,
    'security.acls.default.egress.action': 'allow',
    'security.acls.default.ingress.action': 'reject',
  };
  if (Object.entries(wanted).some(([key, value]) => config[key] !== value)) {
    await client.call('PATCH', path, {body: {config: wanted}});
  }
}

/** Takes away what {@link ensureBoundary} made, once the bridge is gone. */
export async function removeBoundary({client, names}: Omit<BoundaryOptions, 'networks'>): Promise<void> {
  try {
    await client.call('DELETE', aclPath(names.bridge));
  } catch (error) {
    // Neither is there one where the backend knows of no such thing.
    if (!isDriverError(error, 'NotFound')) throw error;
  }
}

async function ensureAcl(client: BoundaryOptions['client'], name: string, rules: Rules): Promise<void> {
  const body = {
    description: 'Nexus workspaces',
    egress: rules.egress.map(enabled),
    ingress: rules.ingress.map(enabled),
  };
  const found = await client.find(aclPath(name), acl);
  if (found === undefined) {
    try {
      await client.call('POST', '/1.0/network-acls', {body: {name, ...body}});
    } catch (error) {
      // Somebody else has just made it.
      if (!(error instanceof DriverError && /already exists/i.test(error.message))) throw error;
    }
  } else if (!isSame(found.egress, rules.egress) || !isSame(found.ingress, rules.ingress)) {
    await client.call('PUT', aclPath(name), {body});
  }
}

const enabled = (each: Rule) => ({...each, state: 'enabled'});

function isSame(found: readonly Rule[], wanted: readonly Rule[]): boolean {
  return (
    found.length === wanted.length &&
    wanted.every(({action, destination = '', source = ''}, index) => {
      const other = found[index];
      return (
        other?.action === action &&
        (other.destination ?? '') === destination &&
        (other.source ?? '') === source
      );
    })
  );
}

function rulesFor(networks: readonly MachineNetwork[], ownBridge: string): Rules {
  const others = networks.map(({cidr, internal}) => (internal ? networkOf(cidr) : `${addressOf(cidr)}/32`));
  // By way of the machine other workspaces of the bridge would be reached that the bridge itself keeps apart.
  const destinations = new Set([networkOf(ownBridge), linkLocal, ...others.toSorted()]);
  return {
    egress: [{action: 'reject', destination: [...destinations].join(',')}],
    ingress: [{action: 'allow', source: `${addressOf(ownBridge)}/32`}],
  };
}

function addressOf(cidr: string): string {
  return cidr.replace(/\/.*/, '');
}

function networkOf(cidr: string): string {
  const [address = '', length = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(length));
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = number - (number % size);
  return `${[24, 16, 8, 0].map(shift => (first >>> shift) & 255).join('.')}/${length}`;
}

function aclPath(name: string): string {
  return `/1.0/network-acls/${name}`;
}
