import {isMapping} from '../../managed-fields/value-schema.ts';
import type {OpenapiSchema} from './openapi-definitions.ts';
import type {OpenapiV2, PatchOperation, QueryParameter} from './openapi-v2-document.ts';

/**
 * OpenAPI 2.0 in the Protocol Buffers of gnostic (`openapiv2/OpenAPIv2.proto`), the one form in which older kubectl asks for it. Numbers are those of
 * the fields there; what kubectl does not look at is left out.
 */
export function encodeOpenapiV2({swagger, info, paths, definitions}: OpenapiV2): Buffer {
  return Buffer.concat([
    text(1, swagger),
    message(2, text(1, info.title), text(2, info.version)),
    message(
      8,
      ...Object.entries(paths).map(([path, {patch}]) =>
        message(2, text(1, path), message(2, message(8, ...operation(patch)))),
      ),
    ),
    message(9, ...named(definitions)),
  ]);
}

function operation({operationId, parameters, responses, ...extension}: PatchOperation): Buffer[] {
  return [
    text(5, operationId),
    ...parameters.map(parameter => message(8, queryParameter(parameter))),
    message(
      9,
      ...Object.entries(responses).map(([code, {description}]) =>
        message(1, text(1, code), message(2, message(1, text(1, description)))),
      ),
    ),
    ...extensions(13, extension),
  ];
}

/** A parameter that is not of the body, and of the query at that. */
function queryParameter({name, in: place, type, description}: QueryParameter): Buffer {
  const schema = message(3, text(2, place), text(3, description), text(4, name), text(6, type));
  return message(1, message(2, schema));
}

function named(schemas: Readonly<Record<string, unknown>>): Buffer[] {
  return Object.entries(schemas).map(([name, schema]) =>
    message(1, text(1, name), message(2, ...schemaFields(isMapping(schema) ? schema : {}))),
  );
}

function schemaFields(schema: OpenapiSchema): Buffer[] {
  const {$ref, format, description, required, additionalProperties, type, items, properties} = schema;
  return [
    ...optionalText(1, $ref),
    ...optionalText(2, format),
    ...optionalText(4, description),
    ...(Array.isArray(required) ? required.map(name => text(19, String(name))) : []),
    ...(isMapping(additionalProperties)
      ? [message(21, message(1, ...schemaFields(additionalProperties)))]
      : []),
    ...(typeof type === 'string' ? [message(22, text(1, type))] : []),
    ...(isMapping(items) ? [message(23, message(1, ...schemaFields(items)))] : []),
    ...(isMapping(properties) ? [message(25, ...named(properties))] : []),
    ...extensions(31, schema),
  ];
}

/** `x-…`, as YAML, of which JSON is a part. */
function extensions(field: number, source: object): Buffer[] {
  return Object.entries(source)
    .filter(([name]) => name.startsWith('x-'))
    .map(([name, value]) => message(field, text(1, name), message(2, text(2, JSON.stringify(value)))));
}

function optionalText(field: number, value: unknown): Buffer[] {
  return typeof value === 'string' ? [text(field, value)] : [];
}

function text(field: number, value: string): Buffer {
  return delimited(field, Buffer.from(value));
}

function message(field: number, ...parts: readonly Buffer[]): Buffer {
  return delimited(field, Buffer.concat(parts));
}

/** Wire type 2: the field's number, the length, the bytes. */
function delimited(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left > 0x7f) {
    bytes.push((left & 0x7f) | 0x80);
    left >>>= 7;
  }

  return Buffer.from([...bytes, left]);
}
