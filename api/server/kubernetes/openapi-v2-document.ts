import type {KubeResource} from './kube-resource.ts';
import {group, version} from './kube-resource.ts';
import type {OpenapiSchema} from './openapi-definitions.ts';
import {definitionName, groupVersionKind, openapiDefinitions} from './openapi-definitions.ts';

const prefix = '#/definitions/';

/** OpenAPI 2.0, as far as older kubectl looks at it: what there is, and which parameters a patch takes. */
export type OpenapiV2 = {
  readonly swagger: '2.0';
  readonly info: {readonly title: string; readonly version: string};
  readonly paths: Readonly<Record<string, {readonly patch: PatchOperation}>>;
  readonly definitions: Readonly<Record<string, OpenapiSchema>>;
};

export type PatchOperation = {
  readonly operationId: string;
  readonly parameters: readonly QueryParameter[];
  readonly responses: Readonly<Record<string, {readonly description: string}>>;
  readonly 'x-kubernetes-group-version-kind': object;
};

export type QueryParameter = {
  readonly name: string;
  readonly in: 'query';
  readonly type: string;
  readonly description: string;
};

const parameters: readonly QueryParameter[] = [
  ['dryRun', 'string', 'All: everything is checked, nothing is changed.'],
  ['fieldManager', 'string', 'Who writes.'],
  ['fieldValidation', 'string', 'Strict, Warn or Ignore: what becomes of unknown fields.'],
  ['force', 'boolean', 'Of an apply: takes fields from others that own them.'],
].map(([name = '', type = '', description = '']) => ({name, in: 'query', type, description}));

export function openapiV2Document(resources: readonly KubeResource[], serverVersion: string): OpenapiV2 {
  return {
    swagger: '2.0',
    info: {title: 'Nexus', version: serverVersion},
    paths: Object.fromEntries(
      resources.map(({kind, plural}) => [
        `/apis/${group}/${version}/namespaces/{namespace}/${plural}/{name}`,
        {
          patch: {
            operationId: `patch${definitionName(kind)}`,
            parameters,
            responses: {'200': {description: 'OK'}},
            'x-kubernetes-group-version-kind': groupVersionKind(kind),
          },
        },
      ]),
    ),
    definitions: openapiDefinitions(resources, prefix),
  };
}
