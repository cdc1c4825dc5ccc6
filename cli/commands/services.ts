import {age} from '../../api/v1alpha1/age.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {parseFormat, toYaml} from '../output/format.ts';
import type {Cell} from '../output/table.ts';
import {printable, renderTable} from '../output/table.ts';
import {workspaceName} from '../resource-name.ts';

export async function services(cli: Cli, word: string, {output}: {readonly output?: string}): Promise<void> {
  const format = parseFormat(output);
  await using client = await connect(cli);
  const found = await client.workspaces.services(workspaceName(word), {signal: cli.signal});
  if (format.type === 'json') {
    cli.print(JSON.stringify(found, undefined, 2));
    return;
  }

  if (format.type === 'yaml') {
    cli.print(toYaml(found));
    return;
  }

  if (found.length === 0) {
    cli.note(`Workspace ${word} has no services.`);
    return;
  }

  const now = cli.clock.now();
  const rows = found.map((service): Cell[] => [
    {text: service.name},
    {text: service.status, tone: service.health_status === 'healthy' ? 'good' : 'warning'},
    {text: String(service.port ?? '-')},
    {text: service.url ?? (service.local_port === null ? '-' : String(service.local_port))},
    {text: String(service.restarts)},
    {text: age(service.observed_at ?? undefined, now)},
    {text: printable(service.last_error ?? '-')},
  ]);
  const headers = ['NAME', 'STATUS', 'PORT', 'URL', 'RESTARTS', 'SEEN', 'LAST ERROR'];
  for (const line of renderTable(headers, rows, cli.style)) {
    cli.print(line);
  }
}

export async function restartService(cli: Cli, word: string, service: string): Promise<void> {
  await using client = await connect(cli);
  await client.workspaces.restartService(workspaceName(word), service, {signal: cli.signal});
  cli.print(`service ${service} of workspace/${workspaceName(word)} restarts`);
}
