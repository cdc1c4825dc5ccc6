import {isDeepStrictEqual} from 'node:util';
import {isApiError} from '../../api/client/api-error.ts';
import type {Client} from '../../api/client/client.ts';
import {forceRecreateAnnotation, recreateAnnotation} from '../../api/v1alpha1/annotations.ts';
import type {ChangeSummary} from '../../api/v1alpha1/change-effect.ts';
import {changeEffect} from '../../api/v1alpha1/change-effect.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {specHash} from '../../controller/workspace/hashes.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {nameOf} from '../resource-name.ts';
import {desiredWorkspace} from './desired-workspace.ts';
import type {Appliable, Declared} from './read-resources.ts';

export type ApplyOptions = {
  readonly dryRun?: boolean;
  /** Lets a workspace have a new container, if its spec needs one. */
  readonly recreate?: boolean;
  /** With `recreate`: even if work in the old one is lost. */
  readonly force?: boolean;
};

export type Applied = {
  readonly name: string;
  readonly outcome: 'created' | 'configured' | 'unchanged';
  readonly object: Stored;
};

const attempts = 5;

/** Makes one resource what it was declared to be. Somebody else's change in between is read and taken into account. */
export async function applyResource(
  declared: Declared,
  {client, cli, options}: {readonly client: Client; readonly cli: Cli; readonly options: ApplyOptions},
): Promise<Applied> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await applyOnce(declared, {client, cli, options});
    } catch (error) {
      const passing =
        declared.resource.metadata.resourceVersion === undefined &&
        (isApiError(error, 'Conflict') || isApiError(error, 'AlreadyExists'));
      if (!passing || attempt === attempts) {
        throw error;
      }
    }
  }
}

async function applyOnce(
  declared: Declared,
  {client, cli, options}: {readonly client: Client; readonly cli: Cli; readonly options: ApplyOptions},
): Promise<Applied> {
  const {kind, metadata} = declared.resource;
  const {signal} = cli;
  const existing = await findExisting(client, declared.resource, signal);
  const wanted = await desiredResource(declared, {existing, client, cli, upload: options.dryRun !== true});
  const name = nameOf({kind, name: metadata.name});
  const call = {signal, ...(options.dryRun === true ? {dryRun: true} : {})};
  if (existing === undefined) {
    return {name, outcome: 'created', object: await client.create(kind, wanted, call)};
  }

  const permitted = permitReplacement(wanted, existing, options);
  if (isSame(permitted, existing)) {
    return {name, outcome: 'unchanged', object: existing};
  }

  const resourceVersion = metadata.resourceVersion ?? existing.metadata.resourceVersion;
  const object = await client.update(
    kind,
    {...permitted, metadata: {...permitted.metadata, resourceVersion}},
    call,
  );
  return {name, outcome: 'configured', object};
}

/** The object as it will be: with the labels and annotations that others have put on it, and what its file leaves open. */
export async function desiredResource(
  declared: Declared,
  context: {
    readonly existing: Stored | undefined;
    readonly client: Client;
    readonly cli: Cli;
    readonly upload: boolean;
  },
): Promise<Appliable> {
  const {existing} = context;
  const {status: _, ...resource} =
    declared.resource.kind === 'Workspace'
      ? await desiredWorkspace(declared.resource, declared, {
          ...context,
          existing: existing?.kind === 'Workspace' ? existing : undefined,
        })
      : declared.resource;
  const {name, labels, annotations} = resource.metadata;
  return {
    ...resource,
    metadata: {
      name,
      labels: {...existing?.metadata.labels, ...labels},
      annotations: {...existing?.metadata.annotations, ...annotations},
    },
  };
}

export async function findExisting(
  client: Client,
  {kind, metadata: {name}}: Appliable,
  signal: AbortSignal,
): Promise<Stored | undefined> {
  try {
    return await client.get(kind, name, {signal});
  } catch (error) {
    if (isApiError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}

/** What a change does to what runs; undefined for what nothing runs of. */
export function effectOf(wanted: Appliable, existing: Stored | undefined): ChangeSummary | undefined {
  return wanted.kind === 'Workspace' && existing?.kind === 'Workspace'
    ? changeEffect(existing.spec, asStored(wanted.spec))
    : undefined;
}

/** Throws CliError when a new container is needed and that was not allowed. The permission is for this very spec. */
function permitReplacement(wanted: Appliable, existing: Stored, options: ApplyOptions): Appliable {
  const effect = effectOf(wanted, existing);
  if (
    wanted.kind !== 'Workspace' ||
    existing.kind !== 'Workspace' ||
    effect?.effect !== 'recreate' ||
    existing.status?.instance === undefined
  ) {
    return wanted;
  }

  if (options.recreate !== true) {
    throw new CliError(
      'refused',
      `${nameOf({kind: 'Workspace', name: wanted.metadata.name})} would need a new container`,
      {
        details: effect.changes
          .filter(change => change.effect === 'recreate')
          .map(change => `spec.${change.path} ${change.message}`),
        hint: 'Commit and push what is in it, then apply with --recreate. `nexus diff` shows the whole change.',
      },
    );
  }

  const hash = specHash(wanted.spec);
  return {
    ...wanted,
    metadata: {
      ...wanted.metadata,
      annotations: {
        ...wanted.metadata.annotations,
        [recreateAnnotation]: hash,
        ...(options.force === true ? {[forceRecreateAnnotation]: hash} : {}),
      },
    },
  };
}

function isSame({metadata, spec}: Appliable, existing: Stored): boolean {
  return isDeepStrictEqual(
    asStored({spec, labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {}}),
    {
      spec: existing.spec,
      labels: existing.metadata.labels ?? {},
      annotations: existing.metadata.annotations ?? {},
    },
  );
}

/** As it comes back from the server: fields that are undefined are not there. */
function asStored<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}
