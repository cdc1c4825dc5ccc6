import type {Mapping} from '../../managed-fields/value-schema.ts';
import {metadataOf, partialMetadata} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {kubeTable} from './kube-table.ts';
import {badRequest, notAcceptable} from './status-error.ts';

/** In which form a client wants objects: as they are, as rows of a table, or their metadata alone. */
export type Representation =
  | {readonly as: 'Object'}
  | {readonly as: 'Metadata'; readonly groupVersion: string}
  | {
      readonly as: 'Table';
      readonly groupVersion: string;
      /** How much of the object comes with each row. */
      readonly include: 'None' | 'Metadata' | 'Object';
    };

const metaVersions = ['v1', 'v1beta1'];

/** By the first of the forms in `accept` that there is. Throws StatusError when there is none. */
export function representationFor(accept: string | undefined, includeObject: string | null): Representation {
  if (!['None', 'Metadata', 'Object', '', null].includes(includeObject)) {
    throw badRequest(
      `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(includeObject)}: must be 'Metadata', 'Object', 'None', or empty`,
    );
  }

  const include = includeObject === 'None' || includeObject === 'Object' ? includeObject : 'Metadata';
  for (const clause of (accept ?? '*/*').split(',')) {
    const [type = '', ...rest] = clause.split(';').map(part => part.trim());
    const parameters = new Map(
      rest.map(part => part.split('=', 2)).map(([name = '', value = '']) => [name, value]),
    );
    if (!['application/json', 'application/*', '*/*', 'application/yaml', ''].includes(type.toLowerCase())) {
      continue;
    }

    const as = parameters.get('as');
    const version = parameters.get('v') ?? '';
    const isMeta = parameters.get('g') === 'meta.k8s.io' && metaVersions.includes(version);
    const groupVersion = `meta.k8s.io/${version}`;
    if (as === undefined) {
      return {as: 'Object'};
    }

    if (isMeta && as === 'Table') {
      return {as: 'Table', groupVersion, include};
    }

    if (isMeta && (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')) {
      return {as: 'Metadata', groupVersion};
    }
  }

  throw notAcceptable(['application/json', 'application/yaml']);
}

/** One object in that form. */
export function represent(
  object: Mapping,
  representation: Representation,
  {resource, now, withColumns = true}: {resource: KubeResource; now: number; withColumns?: boolean},
): Mapping {
  switch (representation.as) {
    case 'Object':
      return object;
    case 'Metadata':
      return partialMetadata(object, representation.groupVersion);
    case 'Table': {
      const {resourceVersion} = metadataOf(object);
      return kubeTable([object], {
        ...representation,
        kind: resource.kind,
        now,
        metadata: {resourceVersion},
        withColumns,
      });
    }
  }
}

/** A list in that form. */
export function representList(
  items: readonly Mapping[],
  representation: Representation,
  {resource, now, metadata}: {resource: KubeResource; now: number; metadata: Mapping},
): Mapping {
  switch (representation.as) {
    case 'Object':
      return {
        apiVersion: 'nexus.dev/v1alpha1',
        kind: `${resource.kind}List`,
        metadata: {continue: '', ...metadata},
        items,
      };
    case 'Metadata':
      return {
        apiVersion: representation.groupVersion,
        kind: 'PartialObjectMetadataList',
        metadata,
        items: items.map(item => partialMetadata(item, representation.groupVersion)),
      };
    case 'Table':
      return kubeTable(items, {...representation, kind: resource.kind, now, metadata});
  }
}
