import assert from 'node:assert/strict';
import {createServer} from 'node:net';
import type {TestFn} from 'ava';
import {eventually} from '../eventually.ts';
import {fetchText, nodePortOf} from '../workspaces.ts';
import type {Inmates, Target} from './inmates.ts';
import {reachable, reachableFromNode} from './inmates.ts';

/** What one workspace can do to another, and to its node, by the network. */
export function networkIsolation(test: TestFn, inmates: () => Inmates): void {
  const workspaceOf = (name: string) => inmates().installation.nexus.client().get('Workspace', name);

  test.serial('services on the same port of two workspaces are reached apart', async t => {
    for (const name of ['mallory', 'victim']) {
      t.is(await fetchText(await workspaceOf(name), 'web'), name);
    }
  });

  // Fails without port isolation and filters; the second, where the node passes packets on that the bridge keeps apart.
  test.serial(
    'a workspace reaches no port of another one, neither over the bridge nor by way of the node',
    async t => {
      const {mallory, victim, node} = inmates();
      const targets: readonly Target[] = [
        [victim.address, 22],
        [victim.address, 8080],
      ];
      t.deepEqual(await reachableFromNode(node, targets), targets, 'they are there');
      t.deepEqual(await reachable(mallory, targets), []);
      await mallory.sh(
        `ip route replace "$1/32" via "$(ip route show default | cut -d ' ' -f 3)"`,
        victim.address,
      );
      t.deepEqual(await reachable(mallory, targets), []);
      await mallory.sh('ip route delete "$1/32"', victim.address);
    },
  );

  // A packet that needs no answer does its harm when it arrives.
  test.serial('nothing that a workspace sends arrives at another one, by whichever way', async t => {
    const {mallory, victim, node} = inmates();
    const heard = '/tmp/heard';
    await victim.must(
      `: >${heard}; for ip in 4 6; do setsid socat -u "UDP$ip-RECVFROM:7777,fork$([ $ip = 6 ] && echo ,ipv6-v6only)" OPEN:${heard},append </dev/null >/dev/null 2>&1 & done`,
    );
    const send = 'echo "$2" | socat -u STDIN "UDP4-SENDTO:$1:7777"';
    await eventually(async () => {
      await node.must(['bash', '-c', 'echo node >"/dev/udp/$1/7777"', 'bash', victim.address]);
      assert.match(await victim.must(`cat ${heard}`), /node/);
    });

    await mallory.sh(send, victim.address, 'direct');
    await mallory.sh(
      `ip route replace "$1/32" via "$(ip route show default | cut -d ' ' -f 3)"`,
      victim.address,
    );
    await mallory.sh(send, victim.address, 'routed');
    await mallory.sh('ip route delete "$1/32"', victim.address);
    await mallory.sh('echo broadcast | socat -u STDIN UDP4-DATAGRAM:255.255.255.255:7777,broadcast');
    const linkLocal = (host: string) => `fe80::${host}`;
    for (const [inmate, host] of [
      [victim, '1'],
      [mallory, '2'],
    ] as const) {
      await inmate.sh(
        'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0; ip -6 address add "$1/64" dev eth0 nodad',
        linkLocal(host),
      );
    }
    await mallory.sh('echo link-local | socat -u STDIN "UDP6-SENDTO:[$1%eth0]:7777"', linkLocal('1'));
    await mallory.sh('echo multicast | socat -u STDIN "UDP6-SENDTO:[ff02::1%eth0]:7777"');

    await eventually(async () => {
      await node.must(['bash', '-c', 'echo last >"/dev/udp/$1/7777"', 'bash', victim.address]);
      assert.match(await victim.must(`cat ${heard}`), /last/);
    });
    const words = (await victim.must(`cat ${heard}`)).split('\n');
    t.deepEqual([...new Set(words)].sort(), ['last', 'node']);
  });

  // Fails without filters: the node would send what is for the other one to whoever shouted last.
  test.serial(
    'a workspace that takes the address of another one, or its hardware address, gets nothing of what is for it',
    async t => {
      const {mallory, victim} = inmates();
      const before = await workspaceOf('victim');
      const own = await mallory.must('cat /sys/class/net/eth0/address');
      const gateway = await mallory.must(`ip route show default | cut -d ' ' -f 3`);
      // Where it has no right to, there is nothing to be afraid of.
      await mallory.sh('ip address add "$1/32" dev eth0', victim.address);
      const shout = 'for i in 1 2 3; do ping -c 1 -W 1 -I "$1" "$2"; done';
      // Whoever manages the network inside gives the addresses back once the link is up again.
      const become =
        'ip link set eth0 down || exit; ip link set eth0 address "$1"; ip link set eth0 up; for i in $(seq 100); do ip route replace default via "$2" 2>/dev/null && exit; sleep 0.1; done; ip address; exit 1';
      await mallory.sh(shout, victim.address, gateway);
      t.is(await fetchText(before, 'web'), 'victim');

      const theirs = await victim.must('cat /sys/class/net/eth0/address');
      await mallory.sh(become, theirs, gateway);
      await mallory.sh(shout, victim.address, gateway);
      t.is(await fetchText(before, 'web'), 'victim');

      await mallory.sh('ip address delete "$1/32" dev eth0', victim.address);
      await mallory.sh(become, own, gateway);
      await eventually(async () =>
        assert.equal(await fetchText(await workspaceOf('mallory'), 'web'), 'mallory'),
      );
    },
  );

  // Fails without the boundary: sshd of the node, and whatever else listens on all addresses, is one hop away.
  test.serial(
    'no program of the node is reached, at none of its addresses, and no port of another workspace on it',
    async t => {
      const {mallory, victim, node, installation} = inmates();
      const gateway = await mallory.must(`ip route show default | cut -d ' ' -f 3`);
      await node.must([
        'bash',
        '-c',
        'setsid socat TCP-LISTEN:9999,fork,reuseaddr EXEC:hostname </dev/null >/dev/null 2>&1 &',
      ]);
      const workspace = await workspaceOf('victim');
      const ports = [nodePortOf(workspace, 'web'), nodePortOf(workspace, 'ssh')];
      const targets: readonly Target[] = [
        ...[22, 9999].flatMap((port): Target[] => [
          [gateway, port],
          [node.address, port],
        ]),
        ...ports.map((port): Target => [node.address, port]),
      ];
      await eventually(async () => assert.deepEqual(await reachableFromNode(node, targets), targets));
      t.deepEqual(await reachable(mallory, targets), []);
      t.is(await fetchText(workspace, 'web'), victim.name, 'from outside they are');

      const url = new URL(installation.nexus.server().url);
      t.deepEqual(
        await reachable(mallory, [[installation.lab.gateway, Number(url.port)]]),
        [],
        'nor the server’s API',
      );
    },
  );

  test.serial(
    'the address at which clouds tell machines their secrets is out of reach; the world is not',
    async t => {
      const {mallory, node, installation} = inmates();
      const {gateway} = installation.lab;
      await node.must([
        'bash',
        '-c',
        'ip address replace 169.254.169.254/32 dev lo; setsid socat TCP-LISTEN:80,bind=169.254.169.254,fork,reuseaddr EXEC:hostname </dev/null >/dev/null 2>&1 &',
      ]);
      const metadata: Target = ['169.254.169.254', 80];
      await eventually(async () => assert.deepEqual(await reachableFromNode(node, [metadata]), [metadata]));
      t.deepEqual(await reachable(mallory, [metadata]), []);

      await using world = await listenAt(gateway);
      t.deepEqual(await reachable(mallory, [[gateway, world.port]]), [[gateway, world.port]]);
    },
  );
}

/** Somebody out there. */
async function listenAt(host: string): Promise<AsyncDisposable & {readonly port: number}> {
  const server = createServer(socket => socket.on('error', () => {}).end('hello\n'));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({host, port: 0}, resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      await new Promise(resolve => server.close(resolve));
    },
  };
}
