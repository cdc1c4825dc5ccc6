import type {Random} from '../../effects/random.ts';
import type {Mapping} from '../../managed-fields/value-schema.ts';
import {documentLimit, mediaType, readBody} from '../request-body.ts';
import type {RouteRequest} from '../route.ts';
import type {Decoded} from './decode-object.ts';
import {decodeDocument, decodeObject, objectTypes} from './decode-object.ts';
import {metadataOf, nameOf, withMetadata} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {onlyNamespace} from './kube-resource.ts';
import type {PatchType} from './patch-object.ts';
import {patchTypes} from './patch-object.ts';
import {badRequest, invalidOptions, notFound, StatusError, unsupportedMediaType} from './status-error.ts';
import {subjectOf} from './write-object.ts';
import type {WriteRequest} from './write-options.ts';

/** A request to the objects of one kind. */
export type KubeRequest = Pick<
  RouteRequest<unknown, unknown>,
  'params' | 'search' | 'caller' | 'requestId' | 'signal' | 'header' | 'raw'
>;

/** The name in the path. Throws StatusError `NotFound` in a namespace where there is nothing. */
export function nameIn({params}: KubeRequest, resource: KubeResource): string {
  const {name = '', namespace} = params;
  if (namespace !== onlyNamespace) {
    throw notFound(subjectOf(resource, name));
  }

  return name;
}

/** The object in the body. Throws StatusError, RequestError. */
export async function objectIn(
  request: KubeRequest,
  {resource, options}: {resource: KubeResource; options: WriteRequest},
): Promise<Decoded> {
  const {value, duplicates} = decodeDocument(await readBody(request.raw, documentLimit), {
    contentType: request.header('content-type'),
    accepted: objectTypes,
  });
  return decodeObject(value, resource, {...options, duplicates});
}

/** The body of a request that may have none. */
export async function optionalBody(request: KubeRequest): Promise<unknown> {
  const bytes = await readBody(request.raw, documentLimit);
  return bytes.length === 0
    ? undefined
    : decodeDocument(bytes, {contentType: request.header('content-type'), accepted: objectTypes}).value;
}

/** Throws StatusError for another namespace than that of the path, and for one that there is not. */
export function checkNamespace({params}: KubeRequest, object: Mapping): void {
  const {namespace} = params;
  if (namespace !== onlyNamespace) {
    throw new StatusError(404, 'NotFound', {
      message: `namespaces "${namespace}" not found: this server has one, ${onlyNamespace}`,
      details: {name: namespace, kind: 'namespaces'},
    });
  }

  const given = metadataOf(object).namespace;
  if (given !== undefined && given !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** Letters and digits that make no words and are not taken for each other, as in Kubernetes. */
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';

/** With a name made of `generateName`, if it has that and no name. */
export function withName(object: Mapping, random: Random): Mapping {
  const {generateName} = metadataOf(object);
  if (nameOf(object) !== '' || typeof generateName !== 'string') {
    return object;
  }

  const letters = [...random.bytes(5)].map(byte => suffixLetters[byte % suffixLetters.length]);
  return withMetadata(object, {name: `${generateName.slice(0, 58)}${letters.join('')}`});
}

/** Throws StatusError for a type of patch that custom resources don't take, such as a strategic merge. */
export function patchTypeOf({header}: KubeRequest): PatchType {
  const given = mediaType(header('content-type'));
  const type = patchTypes.find(known => known === given);
  if (type === undefined) {
    throw unsupportedMediaType(patchTypes);
  }

  return type;
}

/** Throws StatusError for an apply without a manager, and for anything else with `force`. */
export function checkPatchOptions(type: PatchType, {hasManager, force}: WriteRequest): void {
  const isApply = type === 'application/apply-patch+yaml';
  if (isApply && !hasManager) {
    throw invalidPatchOptions({
      type: 'FieldValueRequired',
      field: 'fieldManager',
      detail: 'is required for apply patch',
    });
  }

  if (!isApply && force !== undefined) {
    throw invalidPatchOptions({
      type: 'FieldValueForbidden',
      field: 'force',
      detail: 'may not be specified for non-apply patch',
    });
  }
}

function invalidPatchOptions(fault: Parameters<typeof invalidOptions>[1]['faults'][number]): StatusError {
  return invalidOptions('PatchOptions.meta.k8s.io', {
    group: 'meta.k8s.io',
    kind: 'PatchOptions',
    faults: [fault],
  });
}
