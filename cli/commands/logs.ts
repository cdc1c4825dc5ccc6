import {createInterface} from 'node:readline';
import type {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {isApiError} from '../../api/client/api-error.ts';
import type {Client} from '../../api/client/client.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import {nearestName} from '../../api/v1alpha1/nearest-name.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {explainRefusal} from '../not-running.ts';

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
  try {
    if (options.setup === true) {
      await showSetup(cli, client, {workspace, query});
    } else if (chosen === undefined) {
      await showAll(cli, client, {workspace, query});
    } else {
      await show(cli, await client.workspaces.logs(workspace, chosen, query));
    }
  } catch (error) {
    await explainMissing(client, {workspace, service: chosen, error, signal: cli.signal});
    await explainRefusal(client, {workspace, error, signal: cli.signal});
  }
}

/** The server's own refusal names the services; what to type is for here. */
async function explainMissing(
  client: Client,
  {
    workspace,
    service,
    error,
    signal,
  }: {
    readonly workspace: string;
    readonly service: string | undefined;
    readonly error: unknown;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  if (!isApiError(error, 'NotFound') || service === undefined) {
    return;
  }

  // Of a workspace that is not there either, that is what is told.
  const services = await client.workspaces.services(workspace, {signal});
  const near = nearestName(
    service,
    services.map(({name}) => name),
  );
  throw new CliError('notFound', error.message, {
    hint:
      services.length === 0
        ? `It has no services; its setup: nexus logs ${workspace} --setup`
        : `Look at ${near === undefined ? 'one of these' : 'it'}: ${(near === undefined
            ? services.map(({name}) => name)
            : [near]
          )
            .map(name => `nexus logs ${workspace} ${name}`)
            .join(', ')}`,
    cause: error,
  });
}

async function showSetup(
  cli: Cli,
  client: Client,
  {workspace, query}: {readonly workspace: string; readonly query: {readonly signal: AbortSignal}},
): Promise<void> {
  const {spec, status} = await client.get('Workspace', workspace, {signal: cli.signal});
  // Those of a repository are known once they have been read.
  const isKnown = spec.configFrom === 'spec' || findCondition(status?.conditions, 'Ready')?.status === 'True';
  if (isKnown && spec.setup.length === 0 && status?.setup === undefined) {
    cli.note(`Workspace ${workspace} has no setup commands.`);
    return;
  }

  await show(cli, await client.workspaces.setupLogs(workspace, query));
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
