import {z} from 'zod';
import {DriverError} from '../driver.ts';
import type {Addresses, Subnet} from '../network/address.ts';
import {createAddresses, parseSubnet} from '../network/address.ts';
import type {Client} from './client.ts';
import type {Names} from './names.ts';
import type {Backend} from './server.ts';
import {readServer} from './server.ts';

/** What new instances are connected to. One book of addresses for all that give them out. */
export type Network = {readonly addresses: Addresses; readonly subnet: Subnet; readonly backend: Backend};

export type Bridge = {
  /** Asks the backend the first time; what it says is fixed for the life of the bridge. */
  read(): Promise<Network>;
};

const answer = z.object({config: z.record(z.string(), z.string())});

export function createBridge({client, names}: {readonly client: Client; readonly names: Names}): Bridge {
  let network: Network | undefined;

  return {
    async read() {
      if (network !== undefined) return network;

      const [{config}, {backend}] = await Promise.all([
        client.get(`/1.0/networks/${names.bridge}`, answer),
        readServer(client),
      ]);
      const address = config['ipv4.address'];
      if (!address) {
        throw new DriverError(
          'BackendUnavailable',
          `the bridge ${names.bridge} has no address; set the node up with: nexus agent setup --image FILE`,
        );
      }
      const subnet = parseSubnet(address);
      // Of two first calls one prevails.
      network ??= {addresses: createAddresses(subnet), subnet, backend};
      return network;
    },
  };
}
