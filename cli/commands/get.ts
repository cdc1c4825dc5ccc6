import type {Client} from '../../api/client/client.ts';
import {follow} from '../../api/client/watch.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {kinds} from '../../api/v1alpha1/kinds.ts';
import type {ServedKind} from '../../api/v1alpha1/validate.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import type {Format} from '../output/format.ts';
import {formatResources, parseFormat} from '../output/format.ts';
import type {ShownResource} from '../output/kind-columns.ts';
import {headersOf, rowOf} from '../output/kind-columns.ts';
import {byLastSeen} from '../output/rows/event-rows.ts';
import {renderTable} from '../output/table.ts';
import type {Target} from '../resource-name.ts';
import {parseTargets} from '../resource-name.ts';

export type GetOptions = {
  readonly output?: string;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly watch?: boolean;
  readonly headers?: boolean;
};

export async function get(cli: Cli, words: readonly string[], options: GetOptions): Promise<void> {
  const format = parseFormat(options.output);
  const {kinds: wanted, targets} = parseTargets(words);
  await using client = await connect(cli);
  if (options.watch === true) {
    await watch(cli, {client, kind: watchedKind(wanted, targets), names: targets, options, format});
    return;
  }

  const groups =
    targets.length > 0 ? await getNamed(client, targets, cli) : await listAll(cli, client, wanted, options);
  const items = groups.flat();
  if (format.type !== 'table') {
    const text = formatResources(items, format, {single: targets.length === 1});
    if (text !== '') {
      cli.print(text);
    }

    return;
  }

  if (items.length === 0) {
    cli.note(`There are no ${wanted.map(kind => kinds[kind].plural).join(' and no ')}.`);
  }

  for (const [index, group] of groups.filter(each => each.length > 0).entries()) {
    if (index > 0) {
      cli.print('');
    }

    printTable(cli, group, {wide: format.wide, headers: options.headers !== false});
  }
}

/** One table; all resources are of one kind. */
export function printTable(
  cli: Cli,
  resources: readonly ShownResource[],
  {wide, headers}: {readonly wide: boolean; readonly headers: boolean},
): void {
  const [first] = resources;
  if (first === undefined) {
    return;
  }

  const now = cli.clock.now();
  const rows = resources.map(resource => rowOf(resource, {wide, now}));
  for (const line of renderTable(headers ? headersOf(first.kind, wide) : [], rows, cli.style)) {
    cli.print(line);
  }
}

async function getNamed(
  client: Client,
  targets: readonly Target[],
  {signal}: Cli,
): Promise<ShownResource[][]> {
  const found = await Promise.all(targets.map(({kind, name}) => client.get(kind, name, {signal})));
  return [...Map.groupBy(found, ({kind}) => kind).values()];
}

async function listAll(
  {signal}: Cli,
  client: Client,
  wanted: readonly ServedKind[],
  {selector, fieldSelector}: GetOptions,
): Promise<ShownResource[][]> {
  const query = {
    signal,
    ...(selector === undefined ? {} : {labelSelector: selector}),
    ...(fieldSelector === undefined ? {} : {fieldSelector}),
  };
  return Promise.all(
    wanted.map(async (kind): Promise<ShownResource[]> => {
      if (kind === 'Event') {
        const {items} = await client.list(kind, query);
        return [...items].sort(byLastSeen);
      }

      return [...(await client.list(kind, query)).items];
    }),
  );
}

function watchedKind(wanted: readonly ServedKind[], targets: readonly Target[]): ServedKind {
  const [kind, ...others] = new Set([...wanted, ...targets.map(target => target.kind)]);
  if (kind === undefined || others.length > 0) {
    throw new CliError('usage', 'only one kind can be watched at a time');
  }

  return kind;
}

/** What is there, then a line for each change, until interrupted. */
async function watch(
  cli: Cli,
  {
    client,
    kind,
    names,
    options,
    format,
  }: {
    readonly client: Client;
    readonly kind: ServedKind;
    readonly names: readonly Target[];
    readonly options: GetOptions;
    readonly format: Format;
  },
): Promise<void> {
  const wide = format.type === 'table' && format.wide;
  const wanted = (resource: Stored) =>
    names.length === 0 || names.some(({name}) => name === resource.metadata.name);
  let first = true;
  const show = (resources: readonly ShownResource[]) => {
    const shown = resources.filter(wanted);
    if (format.type === 'table') {
      printTable(cli, shown, {wide, headers: first && options.headers !== false});
      first = first && shown.length === 0;
    } else {
      for (const resource of shown) {
        const text = formatResources([resource], format, {single: true});
        cli.print(format.type === 'yaml' ? `---\n${text}` : text);
      }
    }
  };

  for await (const change of follow(client, kind, {
    signal: cli.signal,
    ...(options.selector === undefined ? {} : {labelSelector: options.selector}),
    ...(options.fieldSelector === undefined ? {} : {fieldSelector: options.fieldSelector}),
  })) {
    switch (change.type) {
      case 'Listed': {
        show(change.items);
        break;
      }

      case 'Disconnected': {
        cli.note(`${change.error.message}; trying again in ${(change.retryAfter / 1000).toFixed(1)}s`);
        break;
      }

      case 'Connected': {
        cli.note('The server answers again.');
        break;
      }

      case 'Deleted':
      case 'Added':
      case 'Modified': {
        show([change.object]);
        break;
      }
    }
  }
}
