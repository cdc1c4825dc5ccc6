import {z} from 'zod';
import type {Held} from './api-object.ts';
import {heldPorts, isSamePort} from './held-ports.ts';
import type {PortClaimSpec} from './internal-kinds.ts';
import {portClaimSpec} from './internal-kinds.ts';

export type Claim = {
  readonly name: string;
  readonly apiUid: string;
  readonly resourceVersion: string;
  readonly spec: PortClaimSpec;
};

const schema = z.object({
  metadata: z.object({name: z.string(), uid: z.string(), resourceVersion: z.string()}),
  spec: portClaimSpec,
});

/** Milliseconds after which a workspace that was to be created with a port, and is not there, is given up. */
const longestCreation = 600_000;

/** What the API server gave for a PortClaim. */
export function claimOf(given: unknown): Claim {
  const {metadata, spec} = schema.parse(given);
  return {name: metadata.name, apiUid: metadata.uid, resourceVersion: metadata.resourceVersion, spec};
}

/**
 * Whether no write that relies on the claim can succeed any more, and none has. `workspace` is the one of the claim's name, read after the claim: if it has
 * changed since the claim was made, a write that was based on how it was is refused.
 */
export function isDead(claim: PortClaimSpec, workspace: Held | undefined, now: number): boolean {
  if (workspace === undefined || workspace.document.metadata.uid !== claim.uid) {
    return claim.version !== '0' || Date.parse(claim.acquiredAt) < now - longestCreation;
  }

  const port = {node: claim.node, nodePort: claim.port};
  const isNamed = heldPorts(workspace.document).some(each => isSamePort(each, port));
  return !isNamed && workspace.document.metadata.resourceVersion !== claim.version;
}
