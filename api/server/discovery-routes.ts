import {z} from 'zod';
import {
  aggregatedDiscovery,
  aggregatedFormIn,
  aggregatedType,
  coreVersions,
  groupDocument,
  groupList,
  resourceList,
} from './kubernetes/discovery-documents.ts';
import type {KubeResource} from './kubernetes/kube-resource.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';

const document = z.looseObject({kind: z.string()});

/** What kubectl asks first: which groups there are, and what is in them; in the plain form, or all at once. */
export function discoveryRoutes({version, resources}: Pick<RouteContext, 'version' | 'resources'>): Route[] {
  const plain = (path: string, operationId: string, body: () => object) =>
    defineRoute({
      ...description(path, operationId),
      async handle() {
        return {status: 200, body: body()};
      },
    });
  const aggregated = (
    path: string,
    operationId: string,
    {body, served}: {body: object; served: () => readonly KubeResource[]},
  ) =>
    defineRoute({
      ...description(path, operationId),
      async handle({header}) {
        const form = aggregatedFormIn(header('accept'));
        return form === undefined
          ? {status: 200, body}
          : {status: 200, body: aggregatedDiscovery(served(), form), contentType: aggregatedType(form)};
      },
    });

  return [
    aggregated('/api', 'getCoreVersions', {body: coreVersions, served: () => []}),
    aggregated('/apis', 'getGroups', {body: groupList, served: resources.all}),
    plain('/apis/nexus.dev', 'getGroup', () => groupDocument),
    plain('/apis/nexus.dev/v1alpha1', 'getResources', () => resourceList(resources.all())),
    defineRoute({
      method: 'get',
      path: '/version',
      operationId: 'getVersion',
      summary: 'Version of the server',
      tag: 'discovery',
      access: 'open',
      responses: {
        200: {
          description: 'As Kubernetes gives it; gitVersion is that of Nexus.',
          schema: z.strictObject({
            major: z.string(),
            minor: z.string(),
            gitVersion: z.string(),
            platform: z.string(),
          }),
        },
      },
      async handle() {
        const [major = '0', minor = '0'] = version.split('.');
        return {
          status: 200,
          body: {major, minor, gitVersion: `v${version}`, platform: `${process.platform}/${process.arch}`},
        };
      },
    }),
  ];
}

function description(path: string, operationId: string) {
  return {
    method: 'get' as const,
    path,
    operationId,
    summary: 'For discovery',
    tag: 'discovery',
    access: 'user' as const,
    responses: {200: {description: 'What there is.', schema: document}},
  };
}
