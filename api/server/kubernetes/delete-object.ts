import {z} from 'zod';
import type {Mapping} from '../../managed-fields/value-schema.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import type {CallerStorage} from '../authorized-storage.ts';
import {toKube} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {badRequest, conflict, invalidOptions, notSupported} from './status-error.ts';
import {asStatus, isStale, subjectOf} from './write-object.ts';

const options = z.object({
  dryRun: z.array(z.string()).nullish(),
  propagationPolicy: z.string().nullish(),
  orphanDependents: z.boolean().nullish(),
  gracePeriodSeconds: z.number().nullish(),
  preconditions: z.object({uid: z.string().nullish(), resourceVersion: z.string().nullish()}).nullish(),
});

export type DeleteOptions = z.infer<typeof options>;

const policies = ['Foreground', 'Background', 'Orphan'];

/** Of the body of a DELETE, or of its query where there is none. Throws StatusError. */
export function deleteOptions(body: unknown, search: URLSearchParams): DeleteOptions {
  const parsed = options.safeParse(body ?? {propagationPolicy: search.get('propagationPolicy')});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badRequest(`the options of the deletion: ${issue?.path.join('.')} ${issue?.message}`);
  }

  const {propagationPolicy} = parsed.data;
  if (propagationPolicy && !policies.includes(propagationPolicy)) {
    throw invalidOptions('DeleteOptions.meta.k8s.io', {
      group: 'meta.k8s.io',
      kind: 'DeleteOptions',
      faults: [notSupported('propagationPolicy', propagationPolicy, [...policies, 'nil'])],
    });
  }

  return parsed.data;
}

/**
 * The object with its deletionTimestamp while finalizers hold it, else a Status. The policy of propagation makes no difference: nothing is owned
 * here.
 */
export async function deleteObject(
  {storage, resource}: {storage: CallerStorage; resource: KubeResource},
  name: string,
  {preconditions, dryRun}: {preconditions: DeleteOptions['preconditions']; dryRun: boolean},
): Promise<Mapping> {
  const {kind, plural} = resource;
  const subject = subjectOf(resource, name);
  const existing = await asStatus(subject, () => storage.get(kind, name));
  const {uid, resourceVersion} = existing.metadata;
  const ofKind = {...subject, plural: kind};
  if (preconditions?.uid && preconditions.uid !== uid) {
    throw conflict(
      ofKind,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }

  const changed = (at: string) =>
    conflict(
      ofKind,
      `the ResourceVersion in the precondition (${preconditions?.resourceVersion}) does not match the ResourceVersion in record (${at}). The object might have been modified`,
    );
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw changed(resourceVersion);
  }

  const wanted = {uid, ...(preconditions?.resourceVersion ? {resourceVersion} : {})};
  const deleted = await asStatus(subject, () =>
    storage.delete(kind, name, {dryRun, preconditions: wanted}),
  ).catch((error: unknown) => {
    throw isStale(error) || isStorageError(error, 'Conflict') ? changed('of another write') : error;
  });
  return (deleted.metadata.finalizers?.length ?? 0) > 0
    ? toKube(deleted)
    : {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: {name, group: 'nexus.dev', kind: plural, uid},
      };
}
