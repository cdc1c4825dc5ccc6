import {z} from 'zod';
import {kinds} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import {servedKinds} from '../v1alpha1/validate.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

const document = z.looseObject({kind: z.string()});

/** What kubectl asks first: which groups there are, and what is in them. */
export function discoveryRoutes(version: string): Route[] {
  const group = {
    name: 'nexus.dev',
    versions: [{groupVersion: apiVersion, version: 'v1alpha1'}],
    preferredVersion: {groupVersion: apiVersion, version: 'v1alpha1'},
  };
  const fixed: readonly (readonly [path: string, operationId: string, body: z.infer<typeof document>])[] = [
    ['/api', 'getCoreVersions', {kind: 'APIVersions', versions: [], serverAddressByClientCIDRs: []}],
    ['/apis', 'getGroups', {kind: 'APIGroupList', apiVersion: 'v1', groups: [group]}],
    ['/apis/nexus.dev', 'getGroup', {kind: 'APIGroup', apiVersion: 'v1', ...group}],
    [
      '/apis/nexus.dev/v1alpha1',
      'getResources',
      {kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources: resourceList()},
    ],
  ];
  return [
    ...fixed.map(([path, operationId, body]) =>
      defineRoute({
        method: 'get',
        path,
        operationId,
        summary: 'For discovery',
        tag: 'discovery',
        access: 'user',
        responses: {200: {description: 'What there is.', schema: document}},
        async handle() {
          return {status: 200, body};
        },
      }),
    ),
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

function resourceList(): object[] {
  return servedKinds.flatMap(kind => {
    const {plural, singular, shortNames} = kinds[kind];
    return [
      {name: plural, singularName: singular, namespaced: false, kind, verbs, shortNames},
      {
        name: `${plural}/status`,
        singularName: '',
        namespaced: false,
        kind,
        verbs: ['get', 'patch', 'update'],
      },
    ];
  });
}
