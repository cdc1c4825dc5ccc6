import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import type {Logger} from '../../effects/logger.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import {fenceAnnotation} from '../../v1alpha1/store-annotations.ts';
import {isStorageError} from '../storage-error.ts';
import type {Held} from './api-object.ts';
import {fromApi} from './api-object.ts';
import type {ApiResources} from './api-resources.ts';
import type {Claim} from './claim.ts';
import {claimOf, isDead} from './claim.ts';
import {all} from './expiry.ts';
import {heldPorts} from './held-ports.ts';
import {internalKinds} from './internal-kinds.ts';
import type {PortClaims} from './port-claims.ts';
import {claimName} from './port-claims.ts';

const {plural} = internalKinds.PortClaim;

/** Milliseconds for which a write may be under way before it is made to fail. */
const longestWrite = 60_000;

/**
 * Brings claims and statuses together again, which differ after a server was killed between the two, or where somebody wrote by hand:
 * claims that nobody can rely on go, and what statuses name without a claim gets one. Writes nothing where all is well.
 */
export async function repairClaims({
  api,
  claims,
  clock,
  log,
}: {
  api: ApiResources;
  claims: PortClaims;
  clock: Clock;
  log: Logger;
}): Promise<void> {
  // Claims first: what a workspace says is looked at after its claim, see isDead.
  const existing = (await all(api, plural)).map(claimOf);
  const workspaces = (await all(api, kinds.Workspace.plural)).map(item => fromApi('Workspace', item));
  const byName = new Map(workspaces.map(held => [held.document.metadata.name, held]));
  for (const claim of existing) {
    const workspace = byName.get(claim.spec.workspace);
    if (isDead(claim.spec, workspace, clock.now())) {
      await tolerating(
        api.remove(plural, claim.name, {
          preconditions: {uid: claim.apiUid, resourceVersion: claim.resourceVersion},
        }),
      );
    } else if (workspace !== undefined && isStuck(claim, workspace, clock.now())) {
      await tolerating(fence(api, workspace, clock));
    }
  }

  const known = new Set(existing.map(({name, spec}) => `${name} ${spec.uid}`));
  for (const {document} of workspaces) {
    const {name, uid, resourceVersion} = document.metadata;
    const lacks = heldPorts(document).some(
      ({node, nodePort}) => !known.has(`${claimName(node, nodePort)} ${uid}`),
    );
    if (lacks) {
      try {
        await claims.acquire({next: document, current: undefined, version: resourceVersion});
      } catch (error) {
        log.warn({err: error, workspace: name}, 'a workspace names a port that it does not hold');
      }
    }
  }
}

/** The write that it was made for has not come, and still could. */
function isStuck({spec}: Claim, {document}: Held, now: number): boolean {
  const isNamed = heldPorts(document).some(
    ({node, nodePort}) => node === spec.node && nodePort === spec.port,
  );
  return !isNamed && Date.parse(spec.acquiredAt) < now - longestWrite;
}

/** Changes nothing but the version: a write that is based on the one before is refused from now on. */
async function fence(api: ApiResources, {document, apiUid}: Held, clock: Clock): Promise<void> {
  const {name, resourceVersion} = document.metadata;
  await api.merge(kinds.Workspace.plural, name, {
    metadata: {
      uid: apiUid,
      resourceVersion,
      annotations: {[fenceAnnotation]: timestampAt(clock.now())},
    },
  });
}

/** Others may be at it too: what is gone, or changed by them, is theirs. */
export async function tolerating(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isStorageError(error, 'NotFound') && !isStorageError(error, 'Conflict')) {
      throw error;
    }
  }
}
