import {execFile} from 'node:child_process';
import {userInfo} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const library = join(import.meta.dirname, '../../hack/lib/network-traces.sh');

const asRoot = userInfo().uid === 0 ? test : test.skip;

/** Runs a script in a network of its own, with nothing in it but a bridge; `pair NAME MARK` makes a loose pair of cables, `chain NAME CABLE` rules for one. */
async function inNetwork(script: string): Promise<readonly string[]> {
  const {stdout} = await run('unshare', [
    '--net',
    '--mount',
    'bash',
    '-euo',
    'pipefail',
    '-c',
    `mount -t sysfs sysfs /sys
     known=$(mktemp)
     trap 'rm "$known"' EXIT
     PATH=/usr/sbin:/usr/bin:/sbin:/bin
     source '${library}'
     sleep() { :; }
     pair() { ip link add "$1" address "$2" type veth peer name "$1-in"; }
     chain() {
       nft add table bridge incus
       nft "add chain bridge incus $1 { type filter hook input priority 0; }"
       nft add rule bridge incus "$1" iifname "$2" drop
     }
     ours=0a:6e:0a:01:02:03
     instance=nexus-abcdef_nexus-11111111-1111-4111-8111-111111111111.eth0
     ip link add bridge type bridge
     traces_list >"$known"
     ${script}`,
  ]);
  return stdout.split('\n').filter(line => line !== '');
}

const left = `bridge_chains incus | cut -d ' ' -f 1; ls /sys/class/net | grep ^veth || true`;

asRoot(
  'loose cables and rules for cables that are gone are removed, with the table that is empty then',
  async t => {
    t.deepEqual(
      await inNetwork(`
      pair veth1 $ours
      chain in.$instance veth1
      chain fwd.$instance veth2
      traces_list
      traces_remove "$known"
      ${left}
      nft list tables`),
      [
        'chain incus in.nexus-abcdef_nexus-11111111-1111-4111-8111-111111111111.eth0',
        'chain incus fwd.nexus-abcdef_nexus-11111111-1111-4111-8111-111111111111.eth0',
        'cable veth1',
      ],
    );
  },
);

asRoot('they are removed when a run ends well, too, which is in a trap', async t => {
  const script = `pair veth1 $ours; finish() { traces_remove "$known"; ${left}; }; trap finish EXIT; exit 0`;
  t.deepEqual(await inNetwork(script), []);
});

asRoot('what is in use, what was there before, and what does not carry the mark is left alone', async t => {
  t.deepEqual(
    await inNetwork(`
      pair veth1 $ours; chain in.$instance veth1
      traces_list >"$known"
      pair veth2 $ours; ip link set veth2 master bridge; chain fwd.$instance veth2
      pair veth3 02:00:00:00:00:01; chain in.default_web.eth0 veth3; chain in.default_nexus-1.eth0 veth4
      coproc container { exec unshare --net sh -c 'echo ready; exec cat'; }
      read -r _ <&"\${container[0]}"
      pair veth5 $ours; ip link set veth5-in netns "$container_PID"; chain out.$instance veth5
      traces_list | grep -Fxvf "$known" || true
      traces_remove "$known"
      ${left}`),
    [
      'in.nexus-abcdef_nexus-11111111-1111-4111-8111-111111111111.eth0',
      'fwd.nexus-abcdef_nexus-11111111-1111-4111-8111-111111111111.eth0',
      'in.default_web.eth0',
      'in.default_nexus-1.eth0',
      'out.nexus-abcdef_nexus-11111111-1111-4111-8111-111111111111.eth0',
      ...['veth1', 'veth1-in', 'veth2', 'veth2-in', 'veth3', 'veth3-in', 'veth5'],
    ],
  );
});
