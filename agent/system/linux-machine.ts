import {readFile} from 'node:fs/promises';
import {isIPv4} from 'node:net';
import type {Machine} from '../node-facts.ts';

/** State of a socket that listens, in /proc/net/tcp. */
const listenState = '0A';

/** Of all addresses, as the kernel writes them. */
const anyIpv4 = '00000000';
const anyIpv6 = '0'.repeat(32);

/** `address` is the one that node ports listen on: what listens on others is not in their way. */
export function createLinuxMachine({address}: {readonly address: () => string}): Machine {
  return {
    bootId: async () => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),

    async listeningPorts() {
      const tables = await Promise.all(
        ['/proc/net/tcp', '/proc/net/tcp6'].map(path => readFile(path, 'utf8').catch(() => '')),
      );
      return tables.flatMap(table => parseListeningPorts(table, address()));
    },
  };
}

/** Of a table such as /proc/net/tcp, `sl local_address rem_address st …`: the ports that can't be listened on at `address`. */
export function parseListeningPorts(table: string, address: string): readonly number[] {
  const own = kernelForm(address);
  return table.split('\n').flatMap(line => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [taken = '', port] = local.split(':');
    return state === listenState && port !== undefined && isInTheWay(taken, own)
      ? [Number.parseInt(port, 16)]
      : [];
  });
}

/** Who listens on all addresses of IPv6 mostly has those of IPv4 as well. Of two of IPv6 it is not looked closer. */
function isInTheWay(taken: string, own: string | undefined): boolean {
  return own === undefined || own === anyIpv4 || taken === own || taken === anyIpv4 || taken === anyIpv6;
}

/** Bytes from the last to the first, as a little-endian machine has them in memory. Undefined for addresses of IPv6. */
function kernelForm(address: string): string | undefined {
  return isIPv4(address)
    ? address
        .split('.')
        .reverse()
        .map(byte => Number(byte).toString(16).padStart(2, '0'))
        .join('')
        .toUpperCase()
    : undefined;
}
