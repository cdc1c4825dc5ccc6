import {createReadStream} from 'node:fs';
import type {Client} from '../../api/client/client.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {BundleReference} from '../../api/v1alpha1/repository.ts';
import type {Workspace} from '../../api/v1alpha1/workspace.ts';
import type {Cli} from '../cli.ts';
import {createBundle} from '../git/bundle.ts';
import type {WorkingCopy} from '../git/working-copy.ts';
import type {Declared} from './read-resources.ts';
import {repositoryOf} from './read-resources.ts';

type Existing = Stored<'Workspace'> | undefined;

/**
 * The Workspace as it is to be: what its file leaves open stays as it is on the server, and the commits of a working copy that no remote has
 * are uploaded, unless the server has them already. With `upload` false they are only packed, for their digest.
 */
export async function desiredWorkspace(
  workspace: Workspace,
  {given, copy}: Declared,
  context: {
    readonly existing: Existing;
    readonly client: Client;
    readonly cli: Cli;
    readonly upload: boolean;
  },
): Promise<Workspace> {
  const {existing, cli} = context;
  const kept = {
    ...(given.owner || existing === undefined ? {} : {owner: existing.spec.owner}),
    ...(given.running || existing === undefined ? {} : {running: existing.spec.running}),
  };
  if (copy === undefined) {
    return {...workspace, spec: {...workspace.spec, ...kept}};
  }

  if (copy.dirty) {
    cli.note(
      `warning: what is not committed in ${copy.folder} does not get into the workspace; only its declaration is read as it lies there`,
    );
  }

  const bundle = copy.pushed ? undefined : await bundleOf(copy, context);
  return {
    ...workspace,
    spec: {
      ...workspace.spec,
      ...kept,
      repo: {...repositoryOf(copy), ...(bundle === undefined ? {} : {bundle})},
    },
  };
}

async function bundleOf(
  copy: WorkingCopy,
  {
    existing,
    client,
    cli,
    upload,
  }: {readonly existing: Existing; readonly client: Client; readonly cli: Cli; readonly upload: boolean},
): Promise<BundleReference> {
  const stored = existing?.spec.repo?.bundle;
  if (stored?.commit === copy.commit) {
    return stored;
  }

  await using bundle = await createBundle(copy, cli);
  if (upload && !(await client.bundles.has(bundle.digest, {signal: cli.signal}))) {
    cli.note(
      `Uploading the commits of ${copy.folder} (${Math.ceil(bundle.size / 1024)} KiB): no remote has them.`,
    );
    await client.bundles.upload(bundle.digest, {
      content: createReadStream(bundle.file),
      size: bundle.size,
      signal: cli.signal,
    });
  }

  return {commit: bundle.commit, digest: bundle.digest};
}
