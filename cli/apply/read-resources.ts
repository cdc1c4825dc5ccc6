import path from 'node:path';
import type {ConfigFile} from '../../api/v1alpha1/config-file.ts';
import {describeIssue} from '../../api/v1alpha1/default-config.ts';
import type {ResourceByKind} from '../../api/v1alpha1/kinds.ts';
import type {Given} from '../../api/v1alpha1/manifest.ts';
import {parseManifests} from '../../api/v1alpha1/manifest.ts';
import {apiVersion, resourceName} from '../../api/v1alpha1/metadata.ts';
import type {ServedKind} from '../../api/v1alpha1/validate.ts';
import type {Workspace} from '../../api/v1alpha1/workspace.ts';
import {workspace} from '../../api/v1alpha1/workspace.ts';
import {CliError} from '../exit-code.ts';
import type {WorkingCopy} from '../git/working-copy.ts';
import {readWorkingCopy, repositoryName, repositoryOwner} from '../git/working-copy.ts';
import type {Source} from './sources.ts';

export type Appliable = ResourceByKind[Exclude<ServedKind, 'Event'>];

/** A resource as it was declared, and what its file leaves to what is there already. */
export type Declared = {
  readonly resource: Appliable;
  readonly given: Given;
  /** Where a short form's commits come from. */
  readonly copy?: WorkingCopy;
  /** For messages. */
  readonly source: string;
};

type Options = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Name of the user who applies. */
  readonly caller: string;
};

/** All that the sources declare, in order. Throws CliError with all that is wrong in any of them, before anything is changed. */
export async function readResources(sources: readonly Source[], options: Options): Promise<Declared[]> {
  const parsed = sources.map(source => ({source, result: parseManifests(source.text, options.caller)}));
  const issues = parsed.flatMap(({source, result}) =>
    result.ok ? [] : result.issues.map(issue => `${source.name}: ${describeIssue(issue)}`),
  );
  if (issues.length > 0) {
    throw new CliError(
      'usage',
      `${sources.length === 1 ? sources[0]?.name : 'what was given'} is not valid; nothing was changed`,
      {details: issues, hint: 'docs/configuration.md lists the fields.'},
    );
  }

  const declared: Declared[] = [];
  for (const {source, result} of parsed) {
    for (const entry of result.ok ? result.entries : []) {
      if (entry.type === 'ShortForm') {
        declared.push(await fromShortForm(entry.config, source, options));
      } else if (entry.resource.kind === 'Event') {
        throw new CliError('usage', `${source.name}: Events are written by Nexus itself`);
      } else {
        declared.push({resource: entry.resource, given: entry.given, source: source.name});
      }
    }
  }

  return declared;
}

async function fromShortForm(config: ConfigFile, source: Source, options: Options): Promise<Declared> {
  const copy = await readWorkingCopy(source.folder, options);
  const {name: given, owner, running, repo, ...rest} = config;
  const resource: Workspace = workspace.parse({
    apiVersion,
    kind: 'Workspace',
    metadata: {name: given ?? nameFor(copy?.folder ?? source.folder, source)},
    spec: {
      ...rest,
      owner: owner ?? options.caller,
      ...(running === undefined ? {} : {running}),
      ...(repo === undefined ? {} : {repo}),
    },
  });
  const usesCopy = repo === undefined && copy !== undefined;
  return {
    resource,
    given: {owner: owner !== undefined, running: running !== undefined},
    source: source.name,
    ...(usesCopy ? {copy} : {}),
  };
}

/** What a working copy's repository is called on the server, less the commits. */
export function repositoryOf(copy: WorkingCopy): {
  name: string;
  owner?: string;
  url?: string;
  branch?: string;
} {
  const owner = repositoryOwner(copy.url);
  return {
    name: repositoryName(copy),
    ...(owner === undefined ? {} : {owner}),
    ...(copy.url === undefined ? {} : {url: copy.url}),
    ...(copy.branch === undefined ? {} : {branch: copy.branch}),
  };
}

function nameFor(folder: string, source: Source): string {
  const name = path
    .basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  if (!resourceName.safeParse(name).success) {
    throw new CliError('usage', `${source.name} gives no name, and the folder ${folder} does not make one`, {
      hint: 'Write name: at its top, such as name: my-project.',
    });
  }

  return name;
}
