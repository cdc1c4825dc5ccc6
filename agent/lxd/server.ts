import {z} from 'zod';
import type {Client} from './client.ts';

export type Backend = 'lxd' | 'incus';

/** What is at the other end of the socket. */
export type Server = {
  readonly backend: Backend;
  readonly version: string;
  /** Whether this socket may do everything. */
  readonly trusted: boolean;
  /** Names of the storage drivers that work on this machine. */
  readonly storageDrivers: readonly string[];
  /** Whether it can say what a bridge's instances may reach. */
  readonly bridgeAcls: boolean;
};

const answer = z.object({
  auth: z.string(),
  api_extensions: z.array(z.string()).default([]),
  environment: z.object({
    server: z.string().optional(),
    server_version: z.string(),
    storage_supported_drivers: z.array(z.object({Name: z.string()})).optional(),
  }),
});

export async function readServer(client: Client): Promise<Server> {
  const {auth, environment, api_extensions: extensions} = await client.get('/1.0', answer);
  return {
    backend: environment.server === 'incus' ? 'incus' : 'lxd',
    version: environment.server_version,
    trusted: auth === 'trusted',
    storageDrivers: (environment.storage_supported_drivers ?? []).map(({Name}) => Name),
    bridgeAcls: extensions.includes('network_bridge_acl'),
  };
}
