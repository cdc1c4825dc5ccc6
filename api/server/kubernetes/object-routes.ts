import {z} from 'zod';
import {kubernetesStatus} from '../kubernetes-status.ts';
import type {Method, Reply, ResponseDescription, Route} from '../route.ts';
import {defineRoute} from '../route.ts';
import type {KubeResource} from './kube-resource.ts';
import type {ObjectRequests} from './object-requests.ts';
import type {KubeRequest} from './request-parts.ts';

const object: ResponseDescription = {
  description:
    'The object, or the list, as it is now; or a Table or its metadata alone, if that is asked for.',
  schema: z.looseObject({kind: z.string(), apiVersion: z.string()}),
};

const responses: Readonly<Record<number, ResponseDescription>> = {
  200: object,
  201: object,
  ...Object.fromEntries(
    [400, 401, 403, 404, 406, 409, 410, 413, 415, 422, 500].map(status => [
      status,
      {description: 'Why it was refused.', schema: kubernetesStatus},
    ]),
  ),
};

/**
 * The paths of one kind as kubectl calls them, `/apis/nexus.dev/v1alpha1/namespaces/default/{plural}[/{name}[/status]]`: they answer as a Kubernetes API
 * server answers that has the definitions in `crds/`. What differs is listed in docs/kubernetes.md.
 */
export function objectRoutes({kind, plural, hasStatus}: KubeResource, requests: ObjectRequests): Route[] {
  const collection = `/apis/nexus.dev/v1alpha1/namespaces/{namespace}/${plural}`;
  const one = `${collection}/{name}`;
  const route = (
    verb: string,
    [method, path]: readonly [Method, string],
    serve: (request: KubeRequest) => Promise<Reply>,
  ): Route =>
    defineRoute({
      method,
      path,
      operationId: `${verb}Namespaced${kind}`,
      summary: `${verb} ${kind}, as Kubernetes does`,
      tag: kind,
      access: 'user',
      streaming: verb === 'list',
      responses,
      handle: serve,
    });
  return [
    route('list', ['get', collection], requests.list),
    route('create', ['post', collection], requests.create),
    route('deleteAll', ['delete', collection], requests.removeAll),
    route('get', ['get', one], requests.get),
    route('replace', ['put', one], request => requests.replace(request)),
    route('patch', ['patch', one], request => requests.patch(request)),
    route('delete', ['delete', one], requests.remove),
    ...(hasStatus
      ? [
          route('getStatus', ['get', `${one}/status`], requests.get),
          route('replaceStatus', ['put', `${one}/status`], request => requests.replace(request, 'status')),
          route('patchStatus', ['patch', `${one}/status`], request => requests.patch(request, 'status')),
        ]
      : []),
  ];
}
