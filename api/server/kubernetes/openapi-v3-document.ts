import type {KubeResource} from './kube-resource.ts';
import {group, version} from './kube-resource.ts';
import {definitionName, groupVersionKind, openapiDefinitions} from './openapi-definitions.ts';

const prefix = '#/components/schemas/';

const query = (name: string, type: 'string' | 'boolean' | 'integer', description: string) => ({
  name,
  in: 'query',
  description,
  schema: {type, uniqueItems: true},
});

const writeParameters = [
  query('dryRun', 'string', 'All: everything is checked, nothing is changed.'),
  query('fieldManager', 'string', 'Who writes.'),
  query('fieldValidation', 'string', 'Strict, Warn or Ignore: what becomes of unknown fields.'),
];

const patchParameters = [
  ...writeParameters,
  query('force', 'boolean', 'Of an apply: takes fields from others that own them.'),
];

const listParameters = [
  query('allowWatchBookmarks', 'boolean', 'Whether a watch tells how far it is.'),
  query('continue', 'string', 'Of the page before.'),
  query('fieldSelector', 'string', 'By fields.'),
  query('labelSelector', 'string', 'By labels.'),
  query('limit', 'integer', 'At most so many.'),
  query('resourceVersion', 'string', 'To watch from.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is meant.'),
  query('sendInitialEvents', 'boolean', 'Whether a watch begins with all that exists.'),
  query('timeoutSeconds', 'integer', 'After which a watch ends.'),
  query('watch', 'boolean', 'Events instead of a list.'),
];

const deleteParameters = [
  query('dryRun', 'string', 'All: everything is checked, nothing is changed.'),
  query('propagationPolicy', 'string', 'Makes no difference here.'),
];

/** The document of the group: `kubectl explain` and what kubectl checks before it writes are made of it. */
export function openapiV3Document(resources: readonly KubeResource[], serverVersion: string): object {
  return {
    openapi: '3.0.0',
    info: {title: 'Nexus', version: serverVersion},
    paths: Object.fromEntries(resources.flatMap(pathsOf)),
    components: {schemas: openapiDefinitions(resources, prefix)},
  };
}

function pathsOf({kind, plural, hasStatus}: KubeResource): [string, object][] {
  const collection = `/apis/${group}/${version}/namespaces/{namespace}/${plural}`;
  const one = `${collection}/{name}`;
  const of = (action: string, verb: string, {parameters, body, returns = kind}: Operation) => ({
    operationId: `${verb}${kind}`,
    tags: [`${group}_${version}`],
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': groupVersionKind(kind),
    parameters,
    ...(body === undefined ? {} : {requestBody: {content: contentOf(body)}}),
    responses: {
      200: {
        description: 'OK',
        content: contentOf({'application/json': {$ref: `${prefix}${definitionName(returns)}`}}),
      },
    },
  });
  const object = {'application/json': {$ref: `${prefix}${definitionName(kind)}`}};
  const patch = Object.fromEntries(
    ['json-patch+json', 'merge-patch+json', 'apply-patch+yaml'].map(type => [
      `application/${type}`,
      {type: 'object'},
    ]),
  );
  const item = (suffix: string) => ({
    get: of('get', `read${suffix}`, {parameters: []}),
    put: of('put', `replace${suffix}`, {parameters: writeParameters, body: object}),
    patch: of('patch', `patch${suffix}`, {parameters: patchParameters, body: patch}),
  });
  return [
    [
      collection,
      {
        get: of('list', 'list', {parameters: listParameters, returns: `${kind}List`}),
        post: of('post', 'create', {parameters: writeParameters, body: object}),
      },
    ],
    [one, {...item(''), delete: of('delete', 'delete', {parameters: deleteParameters})}],
    ...(hasStatus ? [[`${one}/status`, item('Status')] satisfies [string, object]] : []),
  ];
}

type Operation = {
  readonly parameters: readonly object[];
  /** Schemas by content type. */
  readonly body?: Readonly<Record<string, object>>;
  readonly returns?: string;
};

function contentOf(schemas: Readonly<Record<string, object>>): object {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, {schema}]));
}
