/** The bridge's side of an IPv4 network, as LXD gives it: `10.12.34.1/24`. */
export type Subnet = {readonly gateway: string; readonly prefix: number};

export type Reservation = Disposable & {readonly address: string};

export type Addresses = {
  /**
   * An address that nothing on the bridge uses. `preference` (any text) decides where the search begins, so that the same text finds the same
   * address again if it is free. Disposed of once the backend knows the instance, or will never know it. `undefined` when all are taken.
   */
  reserve(preference: string, listUsed: () => Promise<Iterable<string>>): Promise<Reservation | undefined>;
};

export function createAddresses(subnet: Subnet): Addresses {
  /** When each was disposed of; a list asked for before that moment may not contain it yet. */
  const reserved = new Map<string, number | undefined>();
  let moment = 0;

  return {
    async reserve(preference, listUsed) {
      const asked = ++moment;
      const used = new Set(await listUsed());
      for (const [address, disposed] of reserved) {
        if (disposed !== undefined && disposed < asked) reserved.delete(address);
        else used.add(address);
      }

      const address = firstFree(subnet, preference, used);
      if (address === undefined) return undefined;

      reserved.set(address, undefined);
      return {
        address,
        [Symbol.dispose]() {
          reserved.set(address, ++moment);
        },
      };
    },
  };
}

export function parseSubnet(text: string): Subnet {
  const [gateway = '', prefix = ''] = text.split('/');
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(gateway) || !/^\d+$/.test(prefix)) {
    throw new RangeError(`"${text}" is not an IPv4 address with a prefix length`);
  }

  return {gateway, prefix: Number(prefix)};
}

/**
 * A function of the address, locally administered, so that a neighbour table that still remembers the last owner of an address is right
 * about the next one; else the first connection to a reused address waits for seconds.
 */
export function hardwareAddress(address: string): string {
  const octets = address.split('.').map(octet => Number(octet).toString(16).padStart(2, '0'));
  return ['0a', '6e', ...octets].join(':');
}

/** Neither the network, the gateway nor the broadcast address. */
export function firstFree(subnet: Subnet, preference: string, used: ReadonlySet<string>): string | undefined {
  const size = 2 ** (32 - subnet.prefix);
  const gateway = toNumber(subnet.gateway);
  const network = gateway - (gateway % size);
  const start = hash(preference) % size;
  for (let step = 0; step < size; step++) {
    const host = (start + step) % size;
    const address = toText(network + host);
    if (host !== 0 && host !== size - 1 && network + host !== gateway && !used.has(address)) return address;
  }

  return undefined;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function toText(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.');
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  }

  return value;
}
