import {z} from 'zod';

const limits = z.object({cpus: z.int(), memory: z.int(), disk: z.int()});
const keyPair = z.object({privateKey: z.string(), publicKey: z.string()});

/** What is kept of a machine, in its folder; for its owner's eyes only, since it holds keys. */
export const machineRecord = z.object({
  version: z.literal(1),
  uid: z.string(),
  installation: z.string(),
  specHash: z.string(),
  /** Becomes the host name at the first start. */
  hostname: z.string(),
  /** SHA-256 of the image that its disk is based on. */
  image: z.string(),
  limits,
  env: z.record(z.string(), z.string()),
  address: z.string(),
  userId: z.int(),
  /** Of the sshd that users know, and of the agent's own. */
  hostKey: keyPair,
  /** Opens the agent's own sshd inside. */
  agentKey: keyPair,
  authorizedKeys: z.array(z.string()),
  /** It has kernel and initrd in its own folder, and a disk that needs no image. */
  ownBoot: z.literal(true).optional(),
  /** It came from another node, where it may have run. */
  moved: z.literal(true).optional(),
  /** A copy that is not accepted yet. */
  incoming: z.object({mark: z.string()}).optional(),
  retired: z.object({at: z.string(), until: z.string()}).optional(),
  /** Of its disk's file, which a rename keeps and a copy has not. */
  inode: z.string(),
});

export type MachineRecord = z.infer<typeof machineRecord>;
