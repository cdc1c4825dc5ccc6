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
};

const answer = z.object({
  auth: z.string(),
  environment: z.object({
    server: z.string().optional(),
    server_version: z.string(),
    storage_supported_drivers: z.array(z.object({Name: z.string()})).optional(),
  }),
});

export async function readServer(client: Client): Promise<Server> {
  const {auth, environment} = await client.get('/1.0', answer);
  return {
    backend: environment.server === 'incus' ? 'incus' : 'lxd',
    version: environment.server_version,
    trusted: auth === 'trusted',
    storageDrivers: (environment.storage_supported_drivers ?? []).map(({Name}) => Name),
  };
}
