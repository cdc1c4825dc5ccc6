import type {Clock} from '../../effects/clock.ts';
import type {Random} from '../../effects/random.ts';
import type {Mapping} from '../../managed-fields/value-schema.ts';
import type {RuleHolds} from '../../resource-schema/check-rules.ts';
import type {AuthorizedStorage} from '../authorized-storage.ts';
import type {HttpMetrics} from '../http-metrics.ts';
import {documentLimit, readBody} from '../request-body.ts';
import type {Reply} from '../route.ts';
import {decodeDocument} from './decode-object.ts';
import {deleteObject, deleteOptions} from './delete-object.ts';
import type {FieldOwners} from './field-owners.ts';
import {metadataOf, nameOf, toKube} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {onlyNamespace} from './kube-resource.ts';
import {listObjects} from './list-objects.ts';
import {listRequest} from './list-options.ts';
import {patchObject, patchTypes} from './patch-object.ts';
import {represent, representationFor, representList} from './representation.ts';
import type {KubeRequest} from './request-parts.ts';
import {
  checkNamespace,
  checkPatchOptions,
  nameIn,
  objectIn,
  optionalBody,
  patchTypeOf,
  withName,
} from './request-parts.ts';
import {badRequest, invalid, warned} from './status-error.ts';
import {warningHeader} from './warning-header.ts';
import type {WriteContext} from './write-object.ts';
import {asStatus, createObject, isStale, replaceObject, stale, subjectOf} from './write-object.ts';
import type {WriteRequest} from './write-options.ts';
import {writeRequest} from './write-options.ts';

export type KubeContext = {
  readonly authorized: AuthorizedStorage;
  readonly owners: FieldOwners;
  readonly rules: () => Promise<RuleHolds>;
  readonly metrics: HttpMetrics;
  readonly clock: Clock;
  readonly random: Random;
};

type Subresource = 'status' | undefined;

/** What can be asked of the objects of one kind. */
export type ObjectRequests = ReturnType<typeof createObjectRequests>;

export function createObjectRequests(resource: KubeResource, context: KubeContext) {
  const {authorized, owners, rules, clock, metrics, random} = context;
  const storageOf = ({caller, requestId}: KubeRequest) => authorized.as(caller, requestId);
  const writing = async (request: KubeRequest): Promise<WriteContext> => ({
    storage: storageOf(request),
    resource,
    owners,
    rules: await rules(),
  });
  const answer = (
    request: KubeRequest,
    object: Mapping,
    {status = 200, warnings = []}: {status?: number; warnings?: readonly string[]} = {},
  ): Reply => ({
    status,
    body:
      object.kind === 'Status'
        ? object
        : represent(object, representationOf(request), {resource, now: clock.now()}),
    headers: warningHeader(warnings),
  });

  return {
    async list(request: KubeRequest): Promise<Reply> {
      const {params, signal} = request;
      const wanted = listRequest(request.search, resource);
      const isElsewhere = params.namespace !== undefined && params.namespace !== onlyNamespace;
      return listObjects({
        storage: storageOf(request),
        resource,
        request: {...wanted, elsewhere: wanted.elsewhere || isElsewhere},
        representation: representationOf(request),
        clock,
        metrics,
        signal,
      });
    },

    async get(request: KubeRequest): Promise<Reply> {
      const name = nameIn(request, resource);
      const stored = await asStatus(subjectOf(resource, name), () =>
        storageOf(request).get(resource.kind, name),
      );
      return answer(request, toKube(stored));
    },

    async create(request: KubeRequest): Promise<Reply> {
      const options = optionsOf(request, 'CreateOptions');
      const {object, warnings} = await objectIn(request, {resource, options});
      checkNamespace(request, object);
      if (metadataOf(object).resourceVersion !== undefined) {
        throw badRequest('resourceVersion should not be set on objects to be created');
      }

      const named = withName(object, random);
      const manager = {name: options.manager, operation: 'Update' as const};
      const created = await createObject(await writing(request), named, {manager, dryRun: options.dryRun});
      return answer(request, created, {status: 201, warnings});
    },

    async replace(request: KubeRequest, subresource?: Subresource): Promise<Reply> {
      const name = nameIn(request, resource);
      const options = optionsOf(request, 'UpdateOptions');
      const {object, warnings} = await objectIn(request, {resource, options});
      if (nameOf(object) !== name) {
        throw badRequest(
          `the name of the object (${nameOf(object)}) does not match the name on the URL (${name})`,
        );
      }

      const write = await writing(request);
      const subject = subjectOf(resource, name);
      const existing = await asStatus(subject, () => write.storage.get(resource.kind, name));
      if (metadataOf(object).resourceVersion === undefined) {
        const detail = 'must be specified for an update';
        throw invalid({...subject, kind: subject.plural}, [
          {type: 'FieldValueInvalid', field: 'metadata.resourceVersion', value: 0, detail},
        ]);
      }

      const manager = {name: options.manager, operation: 'Update' as const, subresource};
      const replaced = await warned(warnings, () =>
        replaceObject(write, {existing, object}, {manager, dryRun: options.dryRun}),
      ).catch((error: unknown) => {
        throw isStale(error) ? stale(subject) : error;
      });
      return answer(request, replaced, {warnings});
    },

    async patch(request: KubeRequest, subresource?: Subresource): Promise<Reply> {
      const type = patchTypeOf(request);
      const options = optionsOf(request, 'PatchOptions');
      checkPatchOptions(type, options);
      const name = nameIn(request, resource);
      const {value, duplicates} = decodeDocument(await readBody(request.raw, documentLimit), {
        contentType: type,
        accepted: patchTypes,
      });
      const patch = {name, type, body: value, duplicates, request: options, subresource};
      const {object, created, warnings} = await patchObject(await writing(request), patch);
      return answer(request, object, {status: created ? 201 : 200, warnings});
    },

    async remove(request: KubeRequest): Promise<Reply> {
      const name = nameIn(request, resource);
      const options = optionsOf(request, 'DeleteOptions');
      const {preconditions, dryRun} = deleteOptions(await optionalBody(request), request.search);
      const removed = await deleteObject({storage: storageOf(request), resource}, name, {
        preconditions,
        dryRun: options.dryRun || (dryRun ?? []).length > 0,
      });
      return answer(request, removed);
    },

    /** All that the selectors select, one after the other; what can't be deleted ends it. */
    async removeAll(request: KubeRequest): Promise<Reply> {
      const options = optionsOf(request, 'DeleteOptions');
      const {dryRun} = deleteOptions(await optionalBody(request), request.search);
      const wanted = listRequest(request.search, resource);
      const storage = storageOf(request);
      const isElsewhere = request.params.namespace !== onlyNamespace;
      const {items, resourceVersion} = await storage.list(resource.kind, wanted.selector);
      const doomed = isElsewhere || wanted.elsewhere ? [] : items;
      for (const {metadata} of doomed) {
        await deleteObject({storage, resource}, metadata.name, {
          preconditions: {uid: metadata.uid},
          dryRun: options.dryRun || (dryRun ?? []).length > 0,
        });
      }

      return {
        status: 200,
        body: representList(doomed.map(toKube), representationOf(request), {
          resource,
          now: clock.now(),
          metadata: {resourceVersion},
        }),
      };
    },
  };
}

function representationOf({header, search}: KubeRequest) {
  return representationFor(header('accept'), search.get('includeObject'));
}

function optionsOf(
  {search, header}: KubeRequest,
  what: Parameters<typeof writeRequest>[1]['what'],
): WriteRequest {
  return writeRequest(search, {what, userAgent: header('user-agent')});
}
