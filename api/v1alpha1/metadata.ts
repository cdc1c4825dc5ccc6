import {z} from 'zod';

/** The API group and version of every resource here. */
export const apiVersion = 'nexus.dev/v1alpha1';

/** An RFC 1123 label: what Kubernetes allows as a name, and what is safe as a host name and a path segment. */
export const resourceName = z
  .string()
  .min(1, 'must not be empty')
  .max(63, 'must be at most 63 characters')
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    "must consist of lower case letters, digits and '-', and start and end with a letter or digit",
  );

const labelKey = z
  .string()
  .max(317)
  .regex(
    /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
    'must be a label key such as app or example.com/app',
  );

const labelValue = z
  .string()
  .max(63)
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/, 'must be a label value of at most 63 characters');

export const labels = z.record(labelKey, labelValue);

/** RFC 3339, UTC. Written by the clock of the process that made the observation. */
export const timestamp = z.iso.datetime();

/**
 * What every resource carries. Everything but name, labels, annotations and finalizers is written by the
 * store; values that a client sends for the rest are checked (`uid`, `resourceVersion`) or ignored.
 */
export const objectMeta = z.strictObject({
  name: resourceName.describe('Unique among resources of its kind.'),
  namespace: z.string().optional().describe('Only in Kubernetes; one store holds one namespace.'),
  uid: z.string().optional().describe('Unique over all time; names of instances derive from it.'),
  resourceVersion: z
    .string()
    .optional()
    .describe('Opaque; changes with every write, for optimistic concurrency.'),
  generation: z.int().optional().describe('Grows with every change of spec.'),
  creationTimestamp: timestamp.optional(),
  deletionTimestamp: timestamp
    .optional()
    .describe('When deletion was asked for; finalizers hold the object until then.'),
  finalizers: z.array(z.string()).optional().describe('What must be done before the object may go.'),
  labels: labels.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  managedFields: z.array(z.unknown()).optional().describe('Kept for Kubernetes; not interpreted here.'),
  ownerReferences: z.array(z.unknown()).optional().describe('Kept for Kubernetes; not interpreted here.'),
});

export type ObjectMeta = z.infer<typeof objectMeta>;

/** Metadata as the store returns it: what the store writes is always there. */
export type StoredMeta = ObjectMeta & {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp: string;
};
