import {z} from 'zod';
import {timestamp} from '../../v1alpha1/metadata.ts';
import {storeMark} from '../moving/store-mark.ts';

/** Holds one port of one node for one workspace: there can be one of a name, which is made of node and port. */
export const portClaimSpec = z.strictObject({
  node: z.string().describe('Name of the node.'),
  port: z.int().describe('Of the node.'),
  workspace: z.string().describe('Name of the workspace that holds it.'),
  uid: z.string().describe('Uid of the workspace that holds it.'),
  version: z
    .string()
    .describe(
      'The resourceVersion of the workspace on which the status with this port is, or was to be, written; 0 when it was to be created.',
    ),
  attempt: z.string().describe('Differs from write to write.'),
  acquiredAt: timestamp.describe('By the clock of the server that took it.'),
});

/** The last state of an object that is gone. */
export const tombstoneSpec = z.strictObject({
  kind: z.string().describe('Of the object that is gone.'),
  name: z.string().describe('Of the object that is gone.'),
  uid: z.string().describe('Of the object that is gone.'),
  deletedAt: timestamp.describe('By the clock of the server that let it go.'),
  object: z.string().describe('The object as it was last, as JSON.'),
});

/** Counts the servers that have begun to control this store. */
export const epochSpec = z.strictObject({
  value: z.int().describe('The highest epoch that was given out.'),
  mark: storeMark.optional().describe('What this store is to another one that it was moved from, or to.'),
  installation: z
    .string()
    .optional()
    .describe('The installation that this store is of: what all its servers have in common.'),
});

export type PortClaimSpec = z.infer<typeof portClaimSpec>;
export type TombstoneSpec = z.infer<typeof tombstoneSpec>;
export type EpochSpec = z.infer<typeof epochSpec>;

export type InternalKind = 'PortClaim' | 'Tombstone' | 'Epoch';

/** Kinds that only this adapter knows: what SQLite has tables for. */
export const internalKinds = {
  PortClaim: {
    plural: 'portclaims',
    singular: 'portclaim',
    description: 'Holds one port of a node for one workspace. Written by Nexus only.',
    spec: portClaimSpec,
  },
  Tombstone: {
    plural: 'tombstones',
    singular: 'tombstone',
    description: 'The last state of an object that was deleted, kept for 30 days. Written by Nexus only.',
    spec: tombstoneSpec,
  },
  Epoch: {
    plural: 'epochs',
    singular: 'epoch',
    description: 'Tells a later server from an earlier one. Written by Nexus only; never delete it.',
    spec: epochSpec,
  },
} as const;
