import {isDeepStrictEqual} from 'node:util';
import type {Clock} from '../../effects/clock.ts';
import {timestampAt} from '../../effects/clock.ts';
import {applyAsKubectl} from '../../managed-fields/apply-as-kubectl.ts';
import type {Applied} from '../../managed-fields/apply-configuration.ts';
import {applyConfiguration} from '../../managed-fields/apply-configuration.ts';
import type {FieldSet} from '../../managed-fields/field-set.ts';
import {noFields, setOf} from '../../managed-fields/field-set.ts';
import type {ManagedEntry, Manager} from '../../managed-fields/managed-entries.ts';
import {encodeEntries} from '../../managed-fields/managed-entries.ts';
import {trackUpdate} from '../../managed-fields/track-update.ts';
import type {Mapping} from '../../managed-fields/value-schema.ts';
import type {ServedKind} from '../../v1alpha1/validate.ts';
import {metadataOf, ownersOf, withMetadata, withoutManagedFields} from './kube-object.ts';
import type {KubeResources} from './kube-resource.ts';
import {group, version} from './kube-resource.ts';

export type Change = {
  readonly kind: ServedKind;
  readonly before: Mapping;
  readonly after: Mapping;
  readonly manager: Manager;
};

/** Keeps account of who owns which fields of the objects of every kind (`metadata.managedFields`). */
export type FieldOwners = {
  /** `entries` after a change by any other way than apply. */
  afterChange(entries: readonly ManagedEntry[], change: Change): readonly ManagedEntry[];
  /** What is there after an apply; `live` is what is there, or apiVersion and kind alone. */
  apply(application: {
    readonly kind: ServedKind;
    readonly live: Mapping;
    readonly config: Mapping;
    readonly manager: Manager;
    readonly force: boolean;
  }): Applied;
};

const statusFields = setOf(['f:status']);
const allButStatus = setOf(['f:metadata'], ['f:spec']);

export function createFieldOwners({resources, clock}: {resources: KubeResources; clock: Clock}): FieldOwners {
  const now = () => timestampAt(clock.now()).replace(/\.\d+/, '');
  /** Status can be changed by way of its subresource only, and nothing else by that. */
  const ignored = (kind: ServedKind, manager: Manager): FieldSet =>
    manager.subresource === 'status' ? allButStatus : resources.of(kind).hasStatus ? statusFields : noFields;
  const common = (kind: ServedKind, manager: Manager) => ({
    manager,
    apiVersion: `${group}/${version}`,
    schema: resources.of(kind).fullSchema,
    ignored: ignored(kind, manager),
    now: now(),
  });

  return {
    afterChange: (entries, {kind, before, after, manager}) =>
      trackUpdate(entries, {
        before: withoutManagedFields(before),
        after: withoutManagedFields(after),
        ...common(kind, manager),
      }),
    apply({kind, live, config, manager, force}) {
      const apply = manager.name === 'kubectl' ? applyAsKubectl : applyConfiguration;
      return apply(ownersOf(live), {
        live: withoutManagedFields(live),
        config,
        force,
        ...common(kind, manager),
      });
    },
  };
}

/** `entries` as they are kept on `next`: those of `current` where nothing but a time would differ, so that no change is none. */
export function managedFieldsOf(
  entries: readonly ManagedEntry[],
  {current, next}: {current: Mapping; next: Mapping},
): readonly object[] {
  const untimed = (list: readonly ManagedEntry[]) =>
    JSON.stringify(encodeEntries(list.map(entry => ({...entry, time: undefined}))));
  const before = ownersOf(current);
  const isSame = untimed(before) === untimed(entries) && isDeepStrictEqual(content(current), content(next));
  return encodeEntries(isSame ? before : entries);
}

function content(object: Mapping): Mapping {
  const {labels, annotations, finalizers, ownerReferences} = metadataOf(object);
  return withMetadata({...object, metadata: {}}, {labels, annotations, finalizers, ownerReferences});
}
