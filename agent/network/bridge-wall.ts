import {execFile} from 'node:child_process';
import type {Clock} from '../../api/effects/clock.ts';

/** Has nft carry out a script, all of it or nothing. Rejects with what it says. */
export type RunNft = (script: string) => Promise<void>;

/** Between the containers of a bridge and the machine: what a backend offers no rules for. */
export type BridgeWall = {
  /**
   * Puts it up again, at most every half minute, since a restart of the machine takes it down and anybody may. Never rejects: answers with what
   * is to be said, when it can't be put up.
   */
  keep(): Promise<string | undefined>;
  remove(): Promise<void>;
};

export type BridgeWallOptions = {
  /** The table has its name. */
  readonly bridge: string;
  readonly clock: Clock;
  readonly run?: RunNft;
};

/** Milliseconds. */
const interval = 30_000;

export function createBridgeWall({bridge, clock, run = runNft}: BridgeWallOptions): BridgeWall {
  let last: {readonly at: number; readonly remark: Promise<string | undefined>} | undefined;
  const emptied = `table inet ${bridge}\ndelete table inet ${bridge}\n`;

  const putUp = async (): Promise<string | undefined> => {
    try {
      await run(`${emptied}${wallOf(bridge)}`);
      return undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return `workspaces can't be kept from services of the machine itself; a firewall must: ${reason}`;
    }
  };

  return {
    async keep() {
      if (last === undefined || clock.now() - last.at >= interval) {
        last = {at: clock.now(), remark: putUp()};
      }

      return await last.remark;
    },

    async remove() {
      last = undefined;
      // Without the right, or nft, there is none.
      await run(emptied).catch(() => {});
    },
  };
}

/**
 * Names are looked up through the machine, by some backends; all else on it is out of bounds at whichever address, and so are other networks of the
 * bridge's own and the one at which clouds tell machines their secrets. Answers to the machine's own connections go through.
 */
function wallOf(bridge: string): string {
  return `table inet ${bridge} {
  chain input {
    type filter hook input priority -1; policy accept;
    iifname != "${bridge}" accept
    ct state established,related accept
    meta l4proto { tcp, udp } th dport 53 accept
    udp dport 67 accept
    reject
  }
  chain forward {
    type filter hook forward priority -1; policy accept;
    iifname "${bridge}" oifname "${bridge}" drop
    iifname "${bridge}" ip daddr 169.254.0.0/16 reject
  }
}
`;
}

const runNft: RunNft = async script => {
  const {promise, resolve, reject} = Promise.withResolvers<void>();
  const env = {PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`};
  const child = execFile('nft', ['-f', '-'], {env}, (error, _stdout, stderr) => {
    if (error === null) {
      resolve();
    } else {
      reject(new Error(stderr.trim().split('\n')[0] || error.message, {cause: error}));
    }
  });
  // It may end, or not be there, before it has read all of it.
  child.stdin?.on('error', () => {});
  child.stdin?.end(script);
  await promise;
};
