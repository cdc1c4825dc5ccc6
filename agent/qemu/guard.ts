import {access, constants, readFile} from 'node:fs/promises';
import type {Clock} from '../../api/effects/clock.ts';
import {runProgram} from './run-program.ts';
import {firstUserId, lastUserId} from './slot.ts';

/**
 * Keeps machines from what is not theirs. QEMU's user network speaks for the guest from the node itself, so a guest could reach whatever the node
 * can: its loopback, its own services, other workspaces. Each machine's process has a user id out of a range that is nobody else's, and the node's
 * packet filter lets that range out to the world only.
 */
export type Guard = {
  /** Sees to it that the rules are there. False where there can be none: not root, or no nftables. */
  ensure(): Promise<boolean>;
  /** Takes the rules away unless a machine of anybody's still runs. */
  remove(): Promise<void>;
};

const table = 'nexus_qemu';

/** Milliseconds that the rules are taken to stay: somebody may flush them. */
const ensuredFor = 10_000;

export function createGuard({clock, isRoot}: {clock: Clock; isRoot: boolean}): Guard {
  let ensuredAt: number | undefined;

  return {
    async ensure() {
      if (!isRoot) return false;
      if (ensuredAt !== undefined && clock.now() - ensuredAt < ensuredFor) return true;

      const nameServers = localNameServers(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
      const isThere = await nft(['-f', '-'], guardRules(nameServers));
      ensuredAt = isThere ? clock.now() : undefined;
      return isThere;
    },

    async remove() {
      ensuredAt = undefined;
      if (!isRoot || (await anyMachineRuns())) return;
      await nft(['delete', 'table', 'inet', table]);
    },
  };
}

/**
 * Replaced in one transaction, the same for every installation on this node. `fib daddr type local` is every address that the node itself has;
 * other workspaces are behind bridges that the usual backends name so.
 */
export function guardRules(nameServers: readonly string[]): string {
  const dns = nameServers.map(
    address =>
      `    ${address.includes(':') ? 'ip6' : 'ip'} daddr ${address} meta l4proto { tcp, udp } th dport 53 accept\n`,
  );
  return `table inet ${table} {}
delete table inet ${table}
table inet ${table} {
  chain output {
    type filter hook output priority filter; policy accept;
    meta skuid ${firstUserId}-${lastUserId} jump machines
  }
  chain machines {
    ct state established,related accept
${dns.join('')}    fib daddr type { local, broadcast, anycast, multicast } reject
    ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 } reject
    ip6 daddr { ::1, fe80::/10 } reject
    oifname { "nx*", "docker*", "br-*", "podman*", "virbr*", "lxdbr*", "lxcbr*", "incusbr*" } reject
  }
}
`;
}

/** Name servers that are this node itself, which machines may ask, and nothing else of it. */
export function localNameServers(resolvConf: string): readonly string[] {
  return [...resolvConf.matchAll(/^nameserver\s+([0-9a-f.:]+)\s*$/gim)].flatMap(
    ([, address]) => address ?? [],
  );
}

/** Not by PATH: programs of other kinds have that name too. */
const places = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'];

/** Whether it did so. */
async function nft(args: readonly string[], input = ''): Promise<boolean> {
  for (const place of places) {
    const isThere = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!isThere) continue;

    const {exitCode} = await runProgram(place, args, {input}).catch(() => ({exitCode: -1}));
    return exitCode === 0;
  }
  return false;
}

async function anyMachineRuns(): Promise<boolean> {
  const {exitCode, stdout} = await runProgram('ps', ['-eo', 'uid=']).catch(() => ({
    exitCode: -1,
    stdout: '',
  }));
  // Who can't tell leaves them: rules for nobody harm nobody.
  return (
    exitCode !== 0 ||
    stdout
      .split('\n')
      .map(Number)
      .some(id => id >= firstUserId && id <= lastUserId)
  );
}
