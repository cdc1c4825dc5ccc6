import {z} from 'zod';
import {onlyNamespace} from './kubernetes/kube-resource.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';

export const kubernetesAccessView = z.strictObject({
  namespace: z.string().describe('The only one.'),
  certificate: z
    .string()
    .nullable()
    .describe(
      "PEM: the server's own at https on this port of loopback, to be trusted as it is; null: where clients know it otherwise.",
    ),
});

export type KubernetesAccessView = z.infer<typeof kubernetesAccessView>;

export function kubernetesAccessRoutes({certificate}: {readonly certificate?: string}): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/api/v1/kubernetes-access',
      operationId: 'getKubernetesAccess',
      summary: 'What a kubeconfig needs to know',
      description: 'kubectl sends its token by TLS only: `nexus kubeconfig` makes a kubeconfig of this.',
      tag: 'discovery',
      access: 'user',
      responses: answers(200, {description: 'How kubectl gets in.', schema: kubernetesAccessView}, 401),
      async handle() {
        return {status: 200, body: {namespace: onlyNamespace, certificate: certificate ?? null}};
      },
    }),
  ];
}
