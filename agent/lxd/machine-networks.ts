import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {networkInterfaces} from 'node:os';
import type {MachineNetwork} from './boundary.ts';

/** What this machine is called in IPv4 networks now, the loopback excepted. */
export async function readMachineNetworks(): Promise<readonly MachineNetwork[]> {
  const ways = await waysOut();
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({family, internal}) => family === 'IPv4' && !internal)
      .flatMap(({cidr}) =>
        cidr === null
          ? []
          : [{cidr, internal: existsSync(`/sys/class/net/${name}/bridge`) && !ways.has(name)}],
      ),
  );
}

/** Devices that routes to somewhere else go through. */
async function waysOut(): Promise<ReadonlySet<string>> {
  const table = await readFile('/proc/net/route', 'utf8').catch(() => '');
  const routes = table
    .split('\n')
    .slice(1)
    .map(line => line.split(/\s+/));
  return new Set(
    routes.filter(([, , gateway = '']) => /[1-9A-F]/.test(gateway)).map(([device = '']) => device),
  );
}
