import {maximumEntries} from '../../managed-fields/managed-entries.ts';
import type {Mapping} from '../../managed-fields/value-schema.ts';
import {isMapping} from '../../managed-fields/value-schema.ts';
import {fillDefaults} from '../../resource-schema/fill-defaults.ts';
import {inOrder, pruneUnknown} from '../../resource-schema/prune-unknown.ts';
import {documentLimit, mediaType, parseBody} from '../request-body.ts';
import {RequestError} from '../request-error.ts';
import {duplicateFields} from './duplicate-fields.ts';
import {metadataOf, nameOf} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {group, version} from './kube-resource.ts';
import {andMore, badRequest, invalid, maximumFaults, unsupportedMediaType} from './status-error.ts';
import type {FieldValidation} from './write-options.ts';

/** An object as the schema has it, and what the client should be told of what it sent. */
export type Decoded = {readonly object: Mapping; readonly warnings: readonly string[]};

/** Of objects; patches have their own. */
export const objectTypes = ['application/json', 'application/yaml'] as const;

/** A document of one of `accepted`, and fields that it gives twice. Throws StatusError, or RequestError for what can't be read. */
export function decodeDocument(
  bytes: Buffer,
  {contentType, accepted}: {contentType: string | undefined; accepted: readonly string[]},
): {value: unknown; duplicates: readonly string[]} {
  const type = contentType === undefined ? 'application/json' : mediaType(contentType);
  if (!accepted.includes(type)) {
    throw unsupportedMediaType(accepted);
  }

  if (bytes.length > documentLimit) {
    throw new RequestError('PayloadTooLarge', `The body is larger than ${documentLimit} bytes`);
  }

  const value = parseBody(bytes, type);
  return {value, duplicates: type.endsWith('json') ? duplicateFields(bytes.toString()) : []};
}

/** What is sent to be created, or to replace: of the kind of its path, pruned, with defaults. */
export function decodeObject(
  value: unknown,
  resource: KubeResource,
  {fieldValidation, duplicates}: {fieldValidation: FieldValidation; duplicates: readonly string[]},
): Decoded {
  const {kind} = resource;
  const object = checkKind(value, kind);
  const decoded = completeObject(object, resource);
  const faults = strictFaults(duplicates, decoded.unknown);
  if (fieldValidation === 'Strict' && faults.length > 0) {
    throw badRequest(
      `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${faults.join(', ')}`,
    );
  }

  return {object: decoded.object, warnings: fieldValidation === 'Warn' ? faults : []};
}

/** What strict clients are refused for and others warned of; the first hundred when there are more. */
export function strictFaults(duplicates: readonly string[], unknown: readonly string[]): readonly string[] {
  const shown = [
    ...duplicates.map(path => `duplicate field "${path}"`),
    ...unknown.slice(0, maximumFaults).map(path => `unknown field "${path}"`),
  ];
  return unknown.length > maximumFaults ? [...shown, andMore(unknown.length - maximumFaults)] : shown;
}

/** Pruned, with defaults. Throws StatusError for metadata that is none, RequestError `Unprocessable` for more managedFields than there can be programs. */
export function completeObject(
  object: Mapping,
  {fullSchema, kind}: KubeResource,
): {object: Mapping; unknown: readonly string[]} {
  checkMetadata(object, kind);
  const {value, unknown} = pruneUnknown(object, fullSchema);
  const complete = fillDefaults(value, fullSchema);
  return {
    object: isMapping(complete) ? withoutEmptyMetadata(complete) : {},
    unknown: inOrder(unknown),
  };
}

function checkKind(value: unknown, kind: string): Mapping {
  if (!isMapping(value)) {
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: it is no object`);
  }

  const {apiVersion, kind: given} = value;
  if (typeof given !== 'string' || given === '') {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): Object 'Kind' is missing in '${JSON.stringify(value).slice(0, 500)}' (${JSON.stringify(value).slice(0, 500)})`,
    );
  }

  if (apiVersion !== `${group}/${version}`) {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${group}/${version})`,
    );
  }

  if (given !== kind) {
    throw invalid({plural: '', kind: given, name: nameOf(value)}, [
      {type: 'FieldValueInvalid', field: 'kind', value: given, detail: `must be ${kind}`},
    ]);
  }

  return value;
}

const shapes: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: isText,
  generateName: isText,
  namespace: isText,
  uid: isText,
  resourceVersion: isText,
  labels: isTexts,
  annotations: isTexts,
  finalizers: value => Array.isArray(value) && value.every(isText),
  ownerReferences: value => Array.isArray(value) && value.every(isMapping),
};

function checkMetadata(object: Mapping, kind: string): void {
  if (object.metadata !== undefined && object.metadata !== null && !isMapping(object.metadata)) {
    throw unreadable(kind, 'metadata');
  }

  const {managedFields} = metadataOf(object);
  if (Array.isArray(managedFields) && managedFields.length > maximumEntries) {
    throw new RequestError(
      'Unprocessable',
      `metadata.managedFields has ${managedFields.length} entries; it must have at most ${maximumEntries}`,
    );
  }

  for (const [name, value] of Object.entries(metadataOf(object))) {
    const fits = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    if (value !== null && fits?.(value) === false) {
      throw unreadable(kind, `metadata.${name}`);
    }
  }
}

function unreadable(kind: string, path: string) {
  return badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: ${path} is of another type than it must be`,
  );
}

/** Empty lists and mappings of metadata are as good as none, and are not kept. */
function withoutEmptyMetadata(object: Mapping): Mapping {
  const entries = Object.entries(metadataOf(object)).filter(
    ([, value]) =>
      value !== null && !(typeof value === 'object' && Object.keys(value).length === 0) && value !== '',
  );
  return {...object, metadata: Object.fromEntries(entries)};
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isTexts(value: unknown): boolean {
  return isMapping(value) && Object.values(value).every(isText);
}
