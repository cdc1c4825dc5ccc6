import {z} from 'zod';

/** A JSON Schema as zod gives it, loosely. */
const node: z.ZodType<JsonSchema> = z.lazy(() =>
  z.looseObject({
    properties: z.record(z.string(), node).optional(),
    items: node.optional(),
    additionalProperties: z.union([z.boolean(), node]).optional(),
  }),
);

export type JsonSchema = {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly items?: JsonSchema | undefined;
  readonly additionalProperties?: boolean | JsonSchema | undefined;
};

/** Keywords that Kubernetes' structural schemas have and that mean the same there. */
const kept = [
  'type',
  'description',
  'default',
  'enum',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minimum',
  'maximum',
  'required',
] as const;

/**
 * `schema` as a structural schema of a CustomResourceDefinition: no `additionalProperties: false` (unknown fields are pruned there), no
 * `const`, no `propertyNames`, no patterns that Go's regular expressions can't express (lookaround), none of zod's bounds of safe integers. What is lost
 * by that is checked again by Nexus when it reads the object.
 */
export function structuralSchema(schema: z.ZodType): JsonSchema {
  return rewrite(node.parse(z.toJSONSchema(schema, {io: 'input', unrepresentable: 'any'})));
}

function rewrite(schema: JsonSchema): JsonSchema {
  const {properties, items, additionalProperties} = schema;
  const values =
    typeof additionalProperties === 'object' ? {additionalProperties: rewrite(additionalProperties)} : {};
  return {
    ...keywords(schema),
    ...exclusiveBounds(schema),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [name, rewrite(property)]),
          ),
        }),
    ...(items === undefined ? {} : {items: rewrite(items)}),
    ...values,
    // `unknown`: whatever is there is kept.
    ...(schema.type === undefined && schema.enum === undefined
      ? {'x-kubernetes-preserve-unknown-fields': true}
      : {}),
  };
}

function keywords(schema: JsonSchema): Record<string, unknown> {
  const entries = kept
    .map(keyword => [keyword, schema[keyword]] as const)
    .filter(([keyword, value]) => value !== undefined && isExpressible(keyword, value, schema));
  const constant = schema.const;
  return {
    ...Object.fromEntries(
      entries.map(([keyword, value]) => [
        keyword,
        keyword === 'pattern' ? withoutNames(String(value)) : value,
      ]),
    ),
    ...(constant === undefined ? {} : {enum: [constant]}),
    ...(schema.type === 'integer' ? {format: 'int64'} : {}),
  };
}

function isExpressible(keyword: string, value: unknown, schema: JsonSchema): boolean {
  if (keyword === 'pattern') {
    // A date-time is checked by its format.
    return schema.format === undefined && !/\(\?(?:[=!]|<[=!])/.test(String(value));
  }

  const unbounded = Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;
  return !((keyword === 'minimum' || keyword === 'maximum') && unbounded);
}

/** Go had no `(?<name>…)` before 1.22. */
function withoutNames(pattern: string): string {
  return pattern.replaceAll(/\(\?<[A-Za-z]\w*>/g, '(');
}

/** A number in JSON Schema of today, a flag beside the bound in the draft that Kubernetes speaks. */
function exclusiveBounds(schema: JsonSchema): Record<string, unknown> {
  const {exclusiveMinimum, exclusiveMaximum} = schema;
  return {
    ...(exclusiveMinimum === undefined ? {} : {minimum: exclusiveMinimum, exclusiveMinimum: true}),
    ...(exclusiveMaximum === undefined ? {} : {maximum: exclusiveMaximum, exclusiveMaximum: true}),
  };
}
