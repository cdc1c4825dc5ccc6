import {columnsOf} from './crd-columns.ts';
import type {Refinement} from './crd-rules.ts';
import {userRules, workspaceRules} from './crd-rules.ts';
import type {Kind} from './kinds.ts';
import {kinds} from './kinds.ts';
import type {JsonSchema} from './openapi-structural.ts';
import {structuralSchema} from './openapi-structural.ts';
import {selectableFields} from './selectable-fields.ts';

/** What there is to say of a kind besides its schema. */
export type Definition = {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly description: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly hasStatus?: boolean;
  readonly columns?: readonly object[];
  readonly selectableFields?: readonly string[];
  /** Of the whole object; the parts of it that Kubernetes checks itself are left to it. */
  readonly schema: JsonSchema;
  /** By path. */
  readonly rules?: Readonly<Record<string, Refinement>>;
};

/** Kubernetes has its own short names for its own nodes and events. */
const shortNames: Readonly<Record<Kind, readonly string[]>> = {
  Workspace: ['ws'],
  Node: ['nxno'],
  User: ['nxu'],
  Event: ['nxev'],
  Token: [],
  Credential: [],
};

const rules: {readonly [K in Kind]?: Readonly<Record<string, Refinement>>} = {
  Workspace: workspaceRules,
  User: userRules,
};

/** The CustomResourceDefinition of a kind, as plain data. */
export function customResourceDefinition(kind: Kind) {
  const {plural, singular, schema, internal, description} = kinds[kind];
  return definitionOf({
    kind,
    plural,
    singular,
    description,
    shortNames: shortNames[kind],
    // What people mean by everything of Nexus.
    categories: internal || kind === 'Event' ? [] : ['nexus'],
    hasStatus: !internal && kind !== 'Event',
    columns: columnsOf(kind),
    selectableFields: selectableFields[kind],
    schema: structuralSchema(schema),
    rules: rules[kind] ?? {},
  });
}

export function definitionOf(definition: Definition) {
  const {kind, plural, singular, hasStatus = false} = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {name: `${plural}.nexus.dev`},
    spec: {
      group: 'nexus.dev',
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...nonEmpty('shortNames', definition.shortNames),
        ...nonEmpty('categories', definition.categories),
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          ...(hasStatus ? {subresources: {status: {}}} : {}),
          ...nonEmpty('additionalPrinterColumns', definition.columns),
          ...nonEmpty(
            'selectableFields',
            definition.selectableFields?.map(path => ({jsonPath: `.${path}`})),
          ),
          schema: {openAPIV3Schema: rootSchema(definition, hasStatus)},
        },
      ],
    },
  };
}

/** Kubernetes checks apiVersion, kind and metadata itself, and allows nothing but a name's rules to be added to that. */
function rootSchema({schema, description, rules: byPath = {}}: Definition, hasStatus: boolean): JsonSchema {
  const {properties = {}, required} = schema;
  const {spec, status} = properties;
  const name = properties.metadata?.properties?.name;
  return refine(
    {
      type: 'object',
      description,
      ...(Array.isArray(required) && required.includes('spec') ? {required: ['spec']} : {}),
      properties: {
        apiVersion: {type: 'string', description: 'nexus.dev/v1alpha1.'},
        kind: {type: 'string', description: 'What kind of resource it is.'},
        metadata: {
          type: 'object',
          ...(name === undefined
            ? {}
            : {
                properties: {
                  name: {
                    type: 'string',
                    ...('maxLength' in name ? {maxLength: name.maxLength} : {}),
                    ...('pattern' in name ? {pattern: name.pattern} : {}),
                  },
                },
              }),
        },
        spec: {description: 'What is wanted.', ...spec},
        ...(hasStatus ? {status: {description: 'What is. Written by Nexus only.', ...status}} : {}),
      },
    },
    byPath,
    '',
  );
}

/** `schema` with what `byPath` adds to it and its parts; `path` is its own. */
function refine(schema: JsonSchema, byPath: Readonly<Record<string, Refinement>>, path: string): JsonSchema {
  const {properties, items} = schema;
  return {
    ...schema,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [
              name,
              refine(property, byPath, path === '' ? name : `${path}.${name}`),
            ]),
          ),
        }),
    ...(items === undefined ? {} : {items: refine(items, byPath, `${path}[]`)}),
    ...byPath[path],
  };
}

function nonEmpty<K extends string, T>(key: K, list: readonly T[] = []): {[P in K]?: readonly T[]} {
  const entry: {[P in K]?: readonly T[]} = {};
  return list.length === 0 ? entry : {...entry, [key]: list};
}
