import {randomUUID} from 'node:crypto';
import {generateHostKey} from '../../agent/instances/host-key.ts';
import type {Client} from '../../agent/lxd/client.ts';
import {instanceRequest, marks} from '../../agent/lxd/instance-config.ts';
import type {Names} from '../../agent/lxd/names.ts';
import type {Backend} from '../../agent/lxd/server.ts';
import type {Subnet} from '../../agent/network/address.ts';

export type RawInstance = {readonly name: string; readonly address: string; readonly hostKey: string};

/**
 * Instances by the backend's REST API alone: the same image, pool, bridge and config as a workspace's, but without our mark, so that the agent
 * does not look after them.
 */
export type RawInstances = AsyncDisposable & {
  /** Chooses name and address; asks the backend for nothing. */
  plan(): RawInstance;
  /** One request and the wait for its operation. */
  create(instance: RawInstance): Promise<void>;
  start(instance: RawInstance): Promise<void>;
  /** By force if it runs, then deletes it. */
  remove(instance: RawInstance): Promise<void>;
};

export type RawInstancesOptions = {
  readonly client: Client;
  readonly names: Names;
  readonly installation: string;
  readonly backend: Backend;
  readonly subnet: Subnet;
  readonly authorizedKey: string;
};

/** As the workspaces that they are compared with declare. */
export const limits = {cpus: 1, memory: 512 * 2 ** 20, disk: 2 * 2 ** 30};

export function createRawInstances(options: RawInstancesOptions): RawInstances {
  const {client, names, installation, backend, subnet, authorizedKey} = options;
  const query = {project: names.project};
  const keys = new Map<string, ReturnType<typeof generateHostKey>>();
  let made = 0;

  const finish = async (operation: string | undefined) => {
    const path = `/1.0/operations/${operation}/wait`;
    const {metadata} = await client.call('GET', path, {query: {timeout: '60'}, unlimited: true});
    const status = typeof metadata === 'object' && metadata !== null && 'status_code' in metadata;
    if (!status || metadata.status_code !== 200) {
      throw new Error(`the backend failed: ${JSON.stringify(metadata)}`);
    }
  };
  const change = async (name: string, action: string, force: boolean) => {
    const body = {action, force, timeout: -1};
    await finish((await client.call('PUT', `/1.0/instances/${name}/state`, {query, body})).operation);
  };
  const remove = async ({name}: Pick<RawInstance, 'name'>) => {
    await change(name, 'stop', true).catch(() => {});
    await finish((await client.call('DELETE', `/1.0/instances/${name}`, {query})).operation);
    keys.delete(name);
  };

  return {
    plan() {
      made += 1;
      const name = `raw-${made}`;
      const hostKey = generateHostKey();
      keys.set(name, hostKey);
      // From the end of the subnet; workspaces are spread over all of it, and look what is taken.
      const address = subnet.gateway.replace(/\d+$/, String(254 - (made % 32)));
      return {name, address, hostKey: hostKey.publicKey};
    },
    async create({name, address}) {
      const uid = randomUUID();
      const spec = {
        uid,
        name,
        provider: 'lxc' as const,
        image: 'nexus/base',
        limits,
        env: {},
        authorizedKeys: [authorizedKey],
        specHash: 'raw',
      };
      const request = instanceRequest(
        {spec, hostKey: keys.get(name) ?? generateHostKey()},
        {names, installation, backend, subnet, address, source: {type: 'image', alias: 'nexus/base'}},
      );
      const {[marks.uid]: _, [marks.installation]: __, ...config} = request.config;
      const body = {...request, name, config};
      await finish((await client.call('POST', '/1.0/instances', {query, body})).operation);
    },
    start: ({name}) => change(name, 'start', false),
    remove,
    async [Symbol.asyncDispose]() {
      for (const name of [...keys.keys()]) {
        await remove({name}).catch(() => {});
      }
    },
  };
}
