import {createInterface} from 'node:readline';
import type {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import type {Client} from '../../api/client/client.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';

export type LogsOptions = {
  readonly follow?: boolean;
  readonly tail?: string;
  readonly setup?: boolean;
};

/** Output of one service, of all of a workspace's (each line with its service's name), or of the setup commands. */
export async function logs(
  cli: Cli,
  {word, service}: {readonly word: string; readonly service: string | undefined},
  options: LogsOptions,
): Promise<void> {
  const [workspace = '', named, ...rest] = word.replace(/^(?:workspaces?|ws)\//, '').split('/');
  if (workspace === '' || rest.length > 0) {
    throw new CliError('usage', `"${word}" names no workspace or service`, {
      hint: 'Write nexus logs WORKSPACE, WORKSPACE/SERVICE or WORKSPACE SERVICE.',
    });
  }

  const chosen = service ?? named;
  const query = {
    signal: cli.signal,
    ...(options.follow === true ? {follow: true} : {}),
    ...(options.tail === undefined ? {} : {tail: parseTail(options.tail)}),
  };
  await using client = await connect(cli);
  if (options.setup === true) {
    await show(cli, await client.workspaces.setupLogs(workspace, query));
  } else if (chosen === undefined) {
    await showAll(cli, client, {workspace, query});
  } else {
    await show(cli, await client.workspaces.logs(workspace, chosen, query));
  }
}

async function show(cli: Cli, stream: Readable): Promise<void> {
  try {
    await pipeline(stream, cli.stdout, {end: false, signal: cli.signal});
  } catch (error) {
    cli.signal.throwIfAborted();
    throw new CliError('failed', 'the connection to the server was lost', {cause: error});
  }
}

async function showAll(
  cli: Cli,
  client: Client,
  {workspace, query}: {readonly workspace: string; readonly query: {readonly signal: AbortSignal}},
): Promise<void> {
  const services = await client.workspaces.services(workspace, {signal: cli.signal});
  if (services.length === 0) {
    cli.note(`Workspace ${workspace} has no services; \`nexus logs ${workspace} --setup\` shows its setup.`);
    return;
  }

  const width = Math.max(...services.map(({name}) => name.length));
  await Promise.all(
    services.map(async ({name}) => {
      const stream = await client.workspaces.logs(workspace, name, query);
      for await (const line of createInterface({input: stream, crlfDelay: Infinity})) {
        cli.print(`${cli.style('dim', name.padEnd(width))}  ${line}`);
      }
    }),
  );
}

function parseTail(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new CliError('usage', `--tail wants a number of lines, not "${text}"`);
  }

  return Number(text);
}
