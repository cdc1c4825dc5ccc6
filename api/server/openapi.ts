import {z} from 'zod';
import {kinds} from '../v1alpha1/kinds.ts';
import {servedKinds} from '../v1alpha1/validate.ts';
import {errorResponse} from './error-response.ts';
import {kubernetesStatus} from './kubernetes-status.ts';
import type {ResponseDescription, Route} from './route.ts';

/** Schemas that are referred to by name; all others stand where they are used. */
const named = new Map<z.ZodType, string>([
  ...servedKinds.map(kind => [kinds[kind].schema, kind] as const),
  [errorResponse, 'Error'],
  [kubernetesStatus, 'Status'],
]);

/** OpenAPI 3.1 for a route table: made from what mounts the routes and what checks their input. */
export function openapiDocument(table: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of table) {
    paths[route.path] = {...paths[route.path], [route.method]: operation(route)};
  }

  return {
    openapi: '3.1.0',
    info: {
      title: 'Nexus',
      version,
      license: {name: 'Apache-2.0', identifier: 'Apache-2.0'},
      description:
        'Self-healing development workspaces. Every answer carries X-Request-Id; refusals have one shape, Error, and on the Kubernetes-style paths Status.',
    },
    security: [{token: []}],
    paths,
    components: {
      securitySchemes: {token: {type: 'http', scheme: 'bearer'}},
      schemas: Object.fromEntries(
        [...named].map(([schema, name]) => [name, {...jsonSchema(schema, 'output'), title: name}]),
      ),
    },
  };
}

function operation(route: Route): Record<string, unknown> {
  const {operationId, summary, description, tag, access} = route;
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : {description}),
    tags: [tag],
    ...(access === 'open' ? {security: []} : access === 'loopback' ? {security: [{}, {token: []}]} : {}),
    parameters: [...pathParameters(route.path), ...queryParameters(route.querySchema)],
    ...(route.bodySchema === undefined
      ? {}
      : {
          requestBody: {
            content: Object.fromEntries(
              route.bodyTypes.map(type => [
                type,
                {schema: jsonSchema(route.bodySchema ?? z.unknown(), 'input')},
              ]),
            ),
          },
        }),
    responses: Object.fromEntries(
      Object.entries(route.responses).map(([status, response]) => [status, responseOf(response)]),
    ),
  };
}

function responseOf({description, schema, contentType}: ResponseDescription): Record<string, unknown> {
  if (schema === undefined && contentType === undefined) {
    return {description};
  }

  const type = contentType?.split(';', 1)[0] ?? 'application/json';
  return {
    description,
    content: {[type]: {schema: schema === undefined ? {type: 'string'} : reference(schema)}},
  };
}

function reference(schema: z.ZodType): Record<string, unknown> {
  const name = named.get(schema);
  return name === undefined ? jsonSchema(schema, 'output') : {$ref: `#/components/schemas/${name}`};
}

function pathParameters(path: string): Record<string, unknown>[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: {type: 'string'},
  }));
}

function queryParameters(schema: z.ZodType | undefined): Record<string, unknown>[] {
  if (schema === undefined) {
    return [];
  }

  const {properties, required} = queryShape.parse(jsonSchema(schema, 'input'));
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: property,
  }));
}

const queryShape = z.object({
  properties: z.record(z.string(), z.unknown()).default({}),
  required: z.array(z.string()).default([]),
});

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const {$schema: _, ...rest} = z.toJSONSchema(schema, {io, unrepresentable: 'any'});
  return rest;
}
