import {connect} from 'node:net';
import type {Client} from 'ssh2';
import type {Figure} from '../figure.ts';
import {login} from '../ssh-login.ts';
import {ratios, summarise} from '../statistics.ts';
import {declare, removeWorkspace, untilReady} from '../workspaces.ts';

const port = 9000;
const volume = 256 * 2 ** 20;
/** Sends so much to whoever connects. */
const source = {
  name: 'source',
  command: `exec socat TCP-LISTEN:${port},fork,reuseaddr SYSTEM:'head -c ${volume} /dev/zero'`,
  port,
  healthCheck: {process: true},
};

/** What lies between: the node's port and the agent's forwarder, against the instance's own address. */
export const sshFigure: Figure = {
  name: 'ssh',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const workspace = await untilReady(setting, await declare(setting, 'ssh', {services: [source]}));
    const {ssh, instance, ports} = workspace.status ?? {};
    const address = instance?.address;
    const nodePort = ports?.find(({name}) => name === source.name)?.nodePort;
    if (
      ssh?.host === undefined ||
      ssh.port === undefined ||
      address === undefined ||
      nodePort === undefined
    ) {
      throw new Error(`the workspace has no address: ${JSON.stringify(workspace.status)}`);
    }

    const {privateKey} = setting.key;
    const {host} = ssh;
    const trips = await roundTrips(
      {host, port: ssh.port, privateKey, hostKey: ssh.hostKey},
      {host: address, port: 22, privateKey, hostKey: ssh.hostKey},
      quick ? 100 : 1000,
    );
    const through: number[] = [];
    const direct: number[] = [];
    for (let round = 0; round < (quick ? 2 : 7); round += 1) {
      direct.push(await throughput(address, port));
      through.push(await throughput(host, nodePort));
      say(`${through.at(-1)?.toFixed(0)} MiB/s, direct ${direct.at(-1)?.toFixed(0)} MiB/s`);
    }

    await removeWorkspace(setting, workspace);
    return [
      {
        what: 'ssh round trip through the node port',
        unit: 'ms',
        nexus: summarise(trips.through),
        reference: {what: 'direct', summary: summarise(trips.direct)},
        ratio: ratios(trips.through, trips.direct),
        aim: {of: 'difference', atMost: 5},
      },
      {
        what: 'throughput through a node port',
        unit: 'MiB/s',
        nexus: summarise(through),
        reference: {what: 'direct', summary: summarise(direct)},
        ratio: ratios(through, direct),
      },
    ];
  },
};

type Address = Parameters<typeof login>[0];

/** One byte to `cat` and back, in turns. Milliseconds. */
async function roundTrips(
  through: Address,
  direct: Address,
  count: number,
): Promise<{through: number[]; direct: number[]}> {
  await using ours = await login(through);
  await using reference = await login(direct);
  const [far, near] = [await openEcho(ours), await openEcho(reference)];
  const times: {through: number[]; direct: number[]} = {through: [], direct: []};
  for (let round = 0; round < count; round += 1) {
    times.direct.push(await near());
    times.through.push(await far());
  }

  return times;
}

async function openEcho(client: Client): Promise<() => Promise<number>> {
  const channel = await new Promise<NodeJS.ReadWriteStream>((resolve, reject) => {
    client.exec('exec cat', (error, opened) => (error === undefined ? resolve(opened) : reject(error)));
  });
  const trip = async () => {
    const begin = performance.now();
    const answered = new Promise(resolve => channel.once('data', resolve));
    channel.write('.');
    await answered;
    return performance.now() - begin;
  };
  await trip();
  return trip;
}

/** MiB a second, from the first byte to the last. */
function throughput(host: string, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let begin = Number.NaN;
    let received = 0;
    const socket = connect({host, port: from});
    socket.on('data', chunk => {
      begin = received === 0 ? performance.now() : begin;
      received += chunk.length;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      if (received === volume) {
        resolve(volume / 2 ** 20 / ((performance.now() - begin) / 1000));
      } else {
        reject(new Error(`only ${received} of ${volume} bytes came from ${host}:${from}`));
      }
    });
  });
}
