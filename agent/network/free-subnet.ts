import type {Random} from '../../api/effects/random.ts';

/** A destination that the machine knows a way to; numbers are IPv4 addresses, most significant octet first. */
export type Route = {readonly destination: number; readonly mask: number};

/** Reads `/proc/net/route`, whose numbers are in the byte order of the machine: little-endian wherever we run. The default route is left out. */
export function parseRoutes(table: string): readonly Route[] {
  return table
    .split('\n')
    .slice(1)
    .map(line => line.split('\t'))
    .filter(columns => columns.length > 7)
    .map(columns => ({destination: swapped(columns[1]), mask: swapped(columns[7])}))
    .filter(({mask}) => mask !== 0);
}

/**
 * The bridge's address in a /24 of 10.64.0.0–10.255.255.255 that no route touches. Begins at random, so that two installations that look at the
 * same moment hardly ever take the same. `undefined` when all are taken.
 */
export function freeSubnet(routes: readonly Route[], random: Random): string | undefined {
  const count = 192 * 256;
  const start = Math.floor(random.fraction() * count);
  for (let step = 0; step < count; step++) {
    const index = (start + step) % count;
    const second = 64 + (index >>> 8);
    const third = index & 255;
    const network = ((10 << 24) | (second << 16) | (third << 8)) >>> 0;
    if (!routes.some(route => overlap(route, {destination: network, mask: 0xffffff00}))) {
      return `10.${second}.${third}.1/24`;
    }
  }

  return undefined;
}

function overlap(a: Route, b: Route): boolean {
  const mask = a.mask & b.mask;
  return (a.destination & mask) === (b.destination & mask);
}

function swapped(hexadecimal = ''): number {
  const octets = hexadecimal.match(/../g) ?? [];
  return Number.parseInt(octets.reverse().join(''), 16) || 0;
}
