import type {KubeResource} from './kube-resource.ts';
import {group, version} from './kube-resource.ts';

const verbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const statusVerbs = ['get', 'patch', 'update'];
const groupVersion = `${group}/${version}`;

const apiGroup = {
  name: group,
  versions: [{groupVersion, version}],
  preferredVersion: {groupVersion, version},
};

export const coreVersions = {kind: 'APIVersions', versions: [], serverAddressByClientCIDRs: []};

export const groupList = {kind: 'APIGroupList', apiVersion: 'v1', groups: [apiGroup]};

export const groupDocument = {kind: 'APIGroup', apiVersion: 'v1', ...apiGroup};

/** What is in the group, for clients that ask for each group by itself. */
export function resourceList(resources: readonly KubeResource[]): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: resources.flatMap(({plural, singular, kind, shortNames, categories, hasStatus}) => [
      {
        name: plural,
        singularName: singular,
        namespaced: true,
        kind,
        verbs,
        ...(shortNames.length === 0 ? {} : {shortNames}),
        ...(categories.length === 0 ? {} : {categories}),
      },
      ...(hasStatus
        ? [{name: `${plural}/status`, singularName: '', namespaced: true, kind, verbs: statusVerbs}]
        : []),
    ]),
  };
}

/** Everything at once, for clients that ask for it in that form. */
export function aggregatedDiscovery(resources: readonly KubeResource[], form: AggregatedForm): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${form}`,
    metadata: {},
    items:
      resources.length === 0
        ? []
        : [
            {
              metadata: {name: group},
              versions: [{version, resources: resources.map(aggregatedResource), freshness: 'Current'}],
            },
          ],
  };
}

export type AggregatedForm = 'v2' | 'v2beta1';

export function aggregatedType(form: AggregatedForm): string {
  return `application/json;g=apidiscovery.k8s.io;v=${form};as=APIGroupDiscoveryList`;
}

/** The form of it that `accept` asks for first; undefined when it does not. */
export function aggregatedFormIn(accept: string | undefined): AggregatedForm | undefined {
  for (const clause of (accept ?? '').split(',')) {
    const parts = new Set(clause.split(';').map(part => part.trim()));
    const isWanted =
      parts.has('application/json') &&
      parts.has('g=apidiscovery.k8s.io') &&
      parts.has('as=APIGroupDiscoveryList');
    if (isWanted && (parts.has('v=v2') || parts.has('v=v2beta1'))) {
      return parts.has('v=v2') ? 'v2' : 'v2beta1';
    }

    if (parts.has('application/json') && parts.size === 1) {
      return undefined;
    }
  }

  return undefined;
}

function aggregatedResource({
  plural,
  singular,
  kind,
  shortNames,
  categories,
  hasStatus,
}: KubeResource): object {
  const responseKind = {group, version, kind};
  return {
    resource: plural,
    responseKind,
    scope: 'Namespaced',
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : {shortNames}),
    ...(categories.length === 0 ? {} : {categories}),
    ...(hasStatus ? {subresources: [{subresource: 'status', responseKind, verbs: statusVerbs}]} : {}),
  };
}
