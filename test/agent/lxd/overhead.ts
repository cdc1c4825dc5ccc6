/**
 * What the driver adds to the backend's own REST calls, from the request to sshd's banner; the goal is at most 5 %.
 *
 *   NEXUS_TEST_SOCKET=… NEXUS_TEST_IMAGE=… node test/agent/lxd/overhead.ts [rounds]
 */
import {randomUUID} from 'node:crypto';
import {connect} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {z} from 'zod';
import {canonicalName} from '../../../agent/instance-name.ts';
import {createClient} from '../../../agent/lxd/client.ts';
import {instanceRequest} from '../../../agent/lxd/instance-config.ts';
import {namesOf} from '../../../agent/lxd/names.ts';
import {readServer} from '../../../agent/lxd/server.ts';
import {parseSubnet} from '../../../agent/network/address.ts';
import {exampleHostKey, exampleKey} from '../../contracts/driver/example.ts';
import {openLxd} from './fixture.ts';

const {NEXUS_TEST_SOCKET: socket, NEXUS_TEST_IMAGE: tarball} = process.env;
if (!socket || !tarball) throw new Error('set NEXUS_TEST_SOCKET and NEXUS_TEST_IMAGE');
const rounds = Number(process.argv[2] ?? 10);

await using fixture = await openLxd(socket, tarball);
const {driver, installation} = fixture;
const names = namesOf(installation);
await using client = createClient({socket});
const query = {project: names.project};
const {backend} = await readServer(client);
const {config} = await client.get(
  `/1.0/networks/${names.bridge}`,
  z.object({config: z.record(z.string(), z.string())}),
);
const subnet = parseSubnet(config['ipv4.address'] ?? '');

function request() {
  return {
    hostKey: exampleHostKey,
    spec: {
      uid: randomUUID(),
      name: 'demo',
      provider: 'lxc' as const,
      image: 'nexus/base',
      limits: {cpus: 2, memory: 2 ** 30, disk: 2 ** 31},
      env: {},
      authorizedKeys: [exampleKey],
      specHash: 'hash',
    },
  };
}

async function banner(address: string): Promise<void> {
  for (;;) {
    const answered = await new Promise<boolean>(resolve => {
      const dialled = connect(22, address);
      dialled.once('data', () => resolve(true)).once('error', () => resolve(false));
      dialled.setTimeout(250, () => resolve(false)).once('close', () => resolve(false));
    });
    if (answered) return;
    await sleep(5);
  }
}

type Times = {create: number; start: number; sshd: number};

async function timed(create: () => Promise<string>, start: () => Promise<void>): Promise<Times> {
  const begin = performance.now();
  const address = await create();
  const created = performance.now();
  await start();
  const started = performance.now();
  await banner(address);
  return {create: created - begin, start: started - created, sshd: performance.now() - begin};
}

/** Two calls and two waits: no look beforehand, no look afterwards. */
async function raw(octet: number): Promise<Times> {
  const options = request();
  const name = canonicalName(options.spec.uid);
  const address = subnet.gateway.replace(/\.\d+$/, `.${octet}`);
  const call = async (method: 'POST' | 'PUT', path: string, body: unknown) => {
    const {operation} = await client.call(method, path, {query, body});
    await client.call('GET', `/1.0/operations/${operation}/wait`, {query: {timeout: '-1'}, unlimited: true});
  };
  const body = instanceRequest(options, {
    names,
    installation,
    backend,
    subnet,
    address,
    source: {type: 'image', alias: 'nexus/base'},
  });
  try {
    return await timed(
      async () => {
        await call('POST', '/1.0/instances', body);
        return address;
      },
      async () => await call('PUT', `/1.0/instances/${name}/state`, {action: 'start', timeout: -1}),
    );
  } finally {
    await driver.delete(options.spec.uid);
  }
}

async function driven(): Promise<Times> {
  const options = request();
  const {uid} = options.spec;
  try {
    return await timed(
      async () => (await driver.create(options)).address ?? '',
      async () => await driver.start(uid),
    );
  } finally {
    await driver.delete(uid);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const results: {raw: Times[]; driver: Times[]} = {raw: [], driver: []};
await raw(2);
await driven();
for (let round = 0; round < rounds; round++) {
  results.raw.push(await raw(3 + round));
  results.driver.push(await driven());
}
for (const key of ['create', 'start', 'sshd'] as const) {
  const [bare, ours] = [
    median(results.raw.map(each => each[key])),
    median(results.driver.map(each => each[key])),
  ];
  console.log(
    `${key}: raw ${bare.toFixed(0)} ms, driver ${ours.toFixed(0)} ms (${((ours / bare - 1) * 100).toFixed(1)} %)`,
  );
}
