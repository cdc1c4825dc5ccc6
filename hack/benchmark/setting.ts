import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {createClient} from '../../agent/lxd/client.ts';
import {namesOf} from '../../agent/lxd/names.ts';
import {readServer} from '../../agent/lxd/server.ts';
import {parseSubnet} from '../../agent/network/address.ts';
import {agentHome} from '../../agent/system/agent-home.ts';
import type {Installation} from '../../test/e2e/installation.ts';
import {createInstallation} from '../../test/e2e/installation.ts';
import type {BackendEvents} from './backend-events.ts';
import {followBackend} from './backend-events.ts';
import type {RawInstances} from './raw-instances.ts';
import {createRawInstances} from './raw-instances.ts';
import type {SshKey} from './ssh-login.ts';

/** A Nexus of its own, with server and agent as real processes, and beside it the backend as it is without Nexus. */
export type Setting = AsyncDisposable & {
  readonly nexus: Installation;
  readonly raw: RawInstances;
  readonly events: BackendEvents;
  /** Opens workspaces and raw instances alike. */
  readonly key: SshKey;
};

export async function createSetting(): Promise<Setting> {
  const {NEXUS_TEST_SOCKET: socket, NEXUS_TEST_IMAGE: tarball} = process.env;
  if (!socket || !tarball) {
    throw new Error(
      'this needs a backend and an image: run hack/bench, or set NEXUS_TEST_SOCKET and NEXUS_TEST_IMAGE',
    );
  }

  await using stack = new AsyncDisposableStack();
  const client = stack.use(createClient({socket}));
  const nexus = stack.use(await createInstallation({socket, tarball, gateway: true}));
  const installation = (await readFile(agentHome(nexus.home).installationFile, 'utf8')).trim();
  const names = namesOf(installation);
  const keyFile = path.join(nexus.home, 'keys', 'id_ed25519');
  const key: SshKey = {
    privateKey: await readFile(keyFile, 'utf8'),
    publicKey: (await readFile(`${keyFile}.pub`, 'utf8')).trim(),
  };
  const {backend} = await readServer(client);
  const bridge = z.object({config: z.object({'ipv4.address': z.string()})});
  const {config} = await client.get(`/1.0/networks/${names.bridge}`, bridge);
  const raw = stack.use(
    createRawInstances({
      client,
      names,
      installation,
      backend,
      subnet: parseSubnet(config['ipv4.address']),
      authorizedKey: key.publicKey,
    }),
  );
  const events = stack.use(await followBackend(client, names.project));
  const running = stack.move();
  return {nexus, raw, events, key, [Symbol.asyncDispose]: () => running.disposeAsync()};
}
