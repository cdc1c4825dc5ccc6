import {z} from 'zod';

/** Kubernetes' `metav1.Status`: refusals on the Kubernetes-style paths. */
export const kubernetesStatus = z.strictObject({
  kind: z.literal('Status'),
  apiVersion: z.literal('v1'),
  metadata: z.strictObject({}),
  status: z.enum(['Success', 'Failure']),
  message: z.string().optional(),
  reason: z.string().optional(),
  details: z
    .strictObject({
      name: z.string().optional(),
      group: z.string().optional(),
      kind: z.string().optional(),
      uid: z.string().optional(),
      causes: z
        .array(z.strictObject({reason: z.string(), field: z.string().optional(), message: z.string()}))
        .optional(),
      retryAfterSeconds: z.int().optional(),
    })
    .optional(),
  code: z.int().optional(),
});

export type KubernetesStatus = z.infer<typeof kubernetesStatus>;
