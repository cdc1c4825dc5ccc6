import {isApiError} from '../../api/client/api-error.ts';
import {readResources} from '../apply/read-resources.ts';
import {readSources} from '../apply/sources.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import type {Target} from '../resource-name.ts';
import {nameOf, parseTargets} from '../resource-name.ts';
import type {Release} from '../wait/release.ts';
import {expectRelease} from '../wait/release.ts';
import {waitFor} from '../wait/wait-for.ts';
import {callerName} from './apply.ts';

export type DeleteOptions = {
  readonly filename?: readonly string[];
  readonly force?: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly ignoreNotFound?: boolean;
  readonly dryRun?: boolean;
};

export async function deleteResources(
  cli: Cli,
  words: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  await using client = await connect(cli);
  const targets = await targetsOf(cli, client, {words, options});
  const deleted: Target[] = [];
  const releases: Release[] = [];
  for (const target of targets) {
    try {
      if (target.kind === 'Workspace' && options.dryRun !== true) {
        const release = await expectRelease(cli, client, target.name);
        await client.workspaces.delete(target.name, {
          signal: cli.signal,
          ...(options.force === true ? {force: true} : {}),
        });
        releases.push(release);
      } else {
        await client.delete(target.kind, target.name, {
          signal: cli.signal,
          ...(options.dryRun === true ? {dryRun: true} : {}),
        });
      }

      deleted.push(target);
      cli.print(`${nameOf(target)} deleted${options.dryRun === true ? ' (dry run)' : ''}`);
    } catch (error) {
      if (options.ignoreNotFound !== true || !isApiError(error, 'NotFound')) {
        throw error;
      }
    }
  }

  if (options.wait !== false && options.dryRun !== true) {
    await waitFor(cli, client, {
      targets: deleted,
      goal: {type: 'Delete'},
      timeout: options.timeout ?? '2m',
    });
    for (const event of await Promise.all(releases.map(release => release()))) {
      if (event?.spec.type === 'Warning') {
        cli.note(`workspace/${event.spec.regarding.name}: ${event.spec.message}`);
      }
    }
  }
}

async function targetsOf(
  cli: Cli,
  client: Awaited<ReturnType<typeof connect>>,
  {words, options}: {readonly words: readonly string[]; readonly options: DeleteOptions},
): Promise<Target[]> {
  if (options.filename !== undefined) {
    const caller = await callerName(client, cli.signal);
    const declared = await readResources(await readSources(cli, options.filename), {
      env: cli.env,
      signal: cli.signal,
      caller,
    });
    return declared.map(({resource: {kind, metadata}}) => ({kind, name: metadata.name}));
  }

  const {targets} = parseTargets(words);
  if (targets.length === 0) {
    throw new CliError('usage', 'name what to delete', {
      hint: 'Such as: nexus delete workspace/my-project, or nexus delete -f FILE.',
    });
  }

  return targets;
}
