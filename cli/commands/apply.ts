import type {Client} from '../../api/client/client.ts';
import {readResources} from '../apply/read-resources.ts';
import {readSources} from '../apply/sources.ts';
import type {ApplyOptions} from '../apply/write-resource.ts';
import {applyResource} from '../apply/write-resource.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {formatResources, parseFormat} from '../output/format.ts';
import {waitFor} from '../wait/wait-for.ts';

export type ApplyCommandOptions = ApplyOptions & {
  readonly filename?: readonly string[];
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly output?: string;
};

export async function apply(cli: Cli, options: ApplyCommandOptions): Promise<void> {
  const format = parseFormat(options.output);
  if (options.force === true && options.recreate !== true) {
    throw new CliError('usage', '--force means something only together with --recreate');
  }

  const sources = await readSources(cli, options.filename ?? []);
  await using client = await connect(cli);
  const resources = await readResources(sources, {
    env: cli.env,
    signal: cli.signal,
    caller: await callerName(client, cli.signal),
  });
  const applied = [];
  for (const resource of resources) {
    const result = await applyResource(resource, {client, cli, options});
    applied.push(result.object);
    if (format.type === 'table') {
      cli.print(`${result.name} ${result.outcome}${options.dryRun === true ? ' (dry run)' : ''}`);
    }
  }

  if (format.type !== 'table') {
    cli.print(formatResources(applied, format, {single: applied.length === 1}));
  }

  if (options.wait === true && options.dryRun !== true) {
    const targets = applied
      .filter(({kind}) => kind === 'Workspace' || kind === 'Node')
      .map(({kind, metadata}) => ({kind, name: metadata.name}));
    await waitFor(cli, client, {
      targets: targets.flatMap(({kind, name}) =>
        kind === 'Workspace' || kind === 'Node' ? [{kind, name}] : [],
      ),
      goal: {type: 'Condition', condition: 'Ready', status: 'True'},
      timeout: options.timeout ?? '10m',
    });
  }
}

/** Whose token it is. */
export async function callerName(client: Client, signal: AbortSignal): Promise<string> {
  return (await client.users.get('me', {signal})).name;
}
