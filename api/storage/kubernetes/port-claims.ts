import {createHash} from 'node:crypto';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Random} from '../../effects/random.ts';
import {apiVersion} from '../../v1alpha1/metadata.ts';
import type {Document} from '../document.ts';
import {isLater} from '../resource-version.ts';
import {isStorageError, StorageError} from '../storage-error.ts';
import type {ApiResources} from './api-resources.ts';
import type {Claim} from './claim.ts';
import {claimOf, isDead} from './claim.ts';
import type {HeldPort} from './held-ports.ts';
import {heldPorts, isSamePort, portsOf} from './held-ports.ts';
import type {PortClaimSpec} from './internal-kinds.ts';
import {internalKinds} from './internal-kinds.ts';
import {PortTaken} from './port-taken.ts';
import type {Reader} from './reader.ts';

/**
 * Keeps two workspaces from holding one port of a node, whoever writes: the claim of a port is an object whose name is made of node and port, so that
 * there can be one. It is taken before the status is written that names the port, and taken over only when it is dead: when its workspace is
 * gone, or does not name the port and has changed since the claim was made. Then a write that was still under way for it fails by
 * its resourceVersion. So at any time the claim of each port in a status is its workspace's.
 */
export type PortClaims = {
  /**
   * Claims what `next` holds and `current` does not; `version` is what `current` must still be at when `next` is written. Throws Conflict when
   * another holds one, or `current` is no longer the latest; Invalid when a port is named twice.
   */
  acquire(workspace: Claiming, options?: {readonly dryRun?: boolean}): Promise<Acquired>;
  /**
   * Gives up what `before` held and `after` does not, which is stored; without `after`, the workspace is gone. What can't be given up now is dead,
   * and taken by whoever wants it.
   */
  release(before: Document, after: Document | undefined): Promise<void>;
};

export type Claiming = {
  readonly next: Document;
  readonly current: Document | undefined;
  readonly version: string;
};

export type Acquired = {
  /** The write has failed, `certainly` or as far as is known: gives up what was claimed for it, and can't be of use to it or others. */
  abandon(certainly: boolean): Promise<void>;
};

/** `isNew`: it was not this workspace's before. */
type Taken = {readonly claim: Claim; readonly isNew: boolean};

const {plural} = internalKinds.PortClaim;

/** Attempts at a claim that others take and give up at the same time. */
const maximumAttempts = 10;

export function createPortClaims({
  api,
  reader,
  clock,
  random,
}: {
  api: ApiResources;
  reader: Pick<Reader, 'find'>;
  clock: Clock;
  random: Random;
}): PortClaims {
  const find = async (name: string): Promise<Claim | undefined> => {
    try {
      return claimOf(await api.get(plural, name));
    } catch (error) {
      if (isStorageError(error, 'NotFound')) {
        return undefined;
      }

      throw error;
    }
  };

  /** Unless it has changed since. */
  const remove = async ({name, apiUid, resourceVersion}: Claim) => {
    await ignoring(api.remove(plural, name, {preconditions: {uid: apiUid, resourceVersion}}));
  };

  /** Throws Conflict unless `claim` may become the claimant's. */
  const checkFree = async (claim: Claim, {next, version}: Claiming) => {
    if (claim.spec.uid === next.metadata.uid) {
      if (isLater(claim.spec.version, version)) {
        throw new StorageError('Conflict', `Workspace ${next.metadata.name} has changed since it was read`);
      }

      return;
    }

    const {workspace, port, node} = claim.spec;
    if (!isDead(claim.spec, await reader.find('Workspace', workspace), clock.now())) {
      throw new PortTaken(port, node, workspace);
    }
  };

  const take = async ({node, nodePort: port}: HeldPort, claiming: Claiming): Promise<Taken> => {
    const name = claimName(node, port);
    const {metadata} = claiming.next;
    const spec: PortClaimSpec = {
      node,
      port,
      workspace: metadata.name,
      uid: metadata.uid,
      version: claiming.version,
      attempt: random.uuid(),
      acquiredAt: timestampAt(clock.now()),
    };
    for (let attempt = 1; ; attempt += 1) {
      const existing = await find(name);
      if (existing !== undefined) {
        await checkFree(existing, claiming);
      }

      const body = {
        apiVersion,
        kind: 'PortClaim',
        metadata: {name, ...(existing && {resourceVersion: existing.resourceVersion, uid: existing.apiUid})},
        spec,
      };
      try {
        return {
          claim: claimOf(
            existing === undefined ? await api.create(plural, body) : await api.replace(plural, name, {body}),
          ),
          isNew: existing?.spec.uid !== metadata.uid,
        };
      } catch (error) {
        // Somebody was faster: look again who has it.
        if (!isRace(error) || attempt === maximumAttempts) {
          throw error;
        }
      }
    }
  };

  const check = async ({node, nodePort}: HeldPort, claiming: Claiming) => {
    const existing = await find(claimName(node, nodePort));
    if (existing !== undefined) {
      await checkFree(existing, claiming);
    }
  };

  return {
    async acquire(claiming, {dryRun = false} = {}) {
      const wanted = portsOf(claiming.next);
      const held = claiming.current === undefined ? [] : heldPorts(claiming.current);
      const missing = wanted.filter(port => !held.some(each => isSamePort(each, port)));
      if (dryRun) {
        await Promise.all(missing.map(port => check(port, claiming)));
        return {async abandon() {}};
      }

      const outcomes = await Promise.allSettled(missing.map(port => take(port, claiming)));
      const taken = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      const abandon = async (certainly: boolean) => {
        for (const {claim, isNew} of taken) {
          // One that was there already may serve another writer of the same workspace, who may have written meanwhile.
          if (
            (certainly && isNew) ||
            isDead(claim.spec, await reader.find('Workspace', claim.spec.workspace), clock.now())
          ) {
            await remove(claim);
          }
        }
      };
      const failure = outcomes.find(outcome => outcome.status === 'rejected');
      if (failure !== undefined) {
        await abandon(true);
        throw failure.reason;
      }

      return {abandon};
    },
    async release(before, after) {
      const kept = after === undefined ? [] : heldPorts(after);
      const given = heldPorts(before).filter(port => !kept.some(each => isSamePort(each, port)));
      await Promise.allSettled(
        given.map(async ({node, nodePort}) => {
          const claim = await find(claimName(node, nodePort));
          const isOwn = claim !== undefined && claim.spec.uid === before.metadata.uid;
          // What is as late as `after` was claimed for a later write.
          if (isOwn && (after === undefined || isLater(after.metadata.resourceVersion, claim.spec.version))) {
            await remove(claim);
          }
        }),
      );
    },
  };
}

/** Fit to be a name whatever the node is called. */
export function claimName(node: string, port: number): string {
  const safe = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(node)
    ? node
    : createHash('sha256').update(node).digest('hex');
  return `${safe}.${port}`;
}

function isRace(error: unknown): boolean {
  return (
    isStorageError(error, 'AlreadyExists') ||
    isStorageError(error, 'Conflict') ||
    isStorageError(error, 'NotFound')
  );
}

async function ignoring(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isRace(error)) {
      throw error;
    }
  }
}
