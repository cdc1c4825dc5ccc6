import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {parseFormat} from '../output/format.ts';
import {headersOf, rowOf} from '../output/kind-columns.ts';
import type {NodeUsage} from '../output/node-usage.ts';
import {nodeUsage, sizeText} from '../output/node-usage.ts';
import type {Cell} from '../output/table.ts';
import {renderTable} from '../output/table.ts';
import type {GetOptions} from './get.ts';
import {get} from './get.ts';

/** As `get nodes`; the wide table also tells what is taken of each. */
export async function listNodes(cli: Cli, options: GetOptions): Promise<void> {
  const format = parseFormat(options.output);
  if (format.type !== 'table' || !format.wide || options.watch === true) {
    await get(cli, ['nodes'], options);
    return;
  }

  await using client = await connect(cli);
  const {items: nodes} = await client.list('Node', {signal: cli.signal});
  const {items: workspaces} = await client.list('Workspace', {signal: cli.signal});
  const placed = Map.groupBy(workspaces, ({status}) => status?.node ?? '');
  const now = cli.clock.now();
  const rows = nodes.map(node => [
    ...rowOf(node, {wide: true, now}),
    ...usageCells(nodeUsage(node, placed.get(node.metadata.name) ?? [])),
  ]);
  const headers = [...headersOf('Node', true), 'RESERVED', 'FREE'];
  for (const line of renderTable(options.headers === false ? [] : headers, rows, cli.style)) {
    cli.print(line);
  }
}

function usageCells({reserved, free}: NodeUsage): Cell[] {
  return [
    {text: sizeText(reserved)},
    free === undefined
      ? {text: '-'}
      : {text: sizeText(free), tone: Math.min(free.cpus, free.memory, free.disk) < 0 ? 'warning' : undefined},
  ];
}
