import {isApiError} from '../../api/client/api-error.ts';
import type {Client} from '../../api/client/client.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import {provider as providers} from '../../api/v1alpha1/workspace.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {repositoryName, repositoryOwner} from '../git/working-copy.ts';
import {workspaceName} from '../resource-name.ts';
import type {Goal} from '../wait/goal.ts';
import {waitFor} from '../wait/wait-for.ts';

export type CreateOptions = {
  readonly name?: string;
  readonly branch?: string;
  readonly provider: string;
  readonly image?: string;
  readonly wait?: boolean;
  readonly timeout?: string;
};

export type PowerOptions = {readonly wait?: boolean; readonly timeout?: string};

const ready: Goal = {type: 'Condition', condition: 'Ready', status: 'True'};

/** A workspace of a repository that a server can clone, configured by what is in it. */
export async function createWorkspace(cli: Cli, repository: string, options: CreateOptions): Promise<void> {
  const url = repositoryUrl(repository);
  const repo = repositoryName({url, folder: '/'});
  const owner = repositoryOwner(url);
  await using client = await connect(cli);
  const accepted = await client.workspaces.create(
    {
      workspace_name:
        options.name ??
        repo
          .toLowerCase()
          .replaceAll(/[^a-z0-9]+/g, '-')
          .replaceAll(/^-|-$/g, ''),
      configFrom: 'repository',
      provider: parseProvider(options.provider),
      repo: {
        name: repo,
        url,
        ...(owner === undefined ? {} : {owner}),
        ...(options.branch === undefined ? {} : {branch: options.branch}),
      },
      ...(options.image === undefined ? {} : {image: options.image}),
    },
    {signal: cli.signal},
  );
  cli.print(`workspace/${accepted.name} created`);
  await waitIfAsked(cli, client, {names: [accepted.name], options, goal: ready});
}

export async function setRunning(
  cli: Cli,
  {names, running}: {readonly names: readonly string[]; readonly running: boolean},
  options: PowerOptions,
): Promise<void> {
  await using client = await connect(cli);
  for (const name of names.map(workspaceName)) {
    await (running
      ? client.workspaces.start(name, {signal: cli.signal})
      : client.workspaces.stop(name, {signal: cli.signal}));
    cli.print(`workspace/${name} ${running ? 'starts' : 'stops'}`);
  }

  const goal: Goal = running ? ready : {type: 'JsonPath', path: '{.status.phase}', value: 'Stopped'};
  await waitIfAsked(cli, client, {names: names.map(workspaceName), options, goal});
}

export async function undelete(cli: Cli, word: string): Promise<void> {
  await using client = await connect(cli);
  const wanted = workspaceName(word);
  try {
    const {name} = await client.workspaces.undelete(wanted, {signal: cli.signal});
    cli.print(`workspace/${name} is back`);
  } catch (error) {
    if (!isApiError(error, 'Conflict')) {
      throw error;
    }

    throw new CliError('conflict', error.message, {
      hint: 'Only what was deleted last under a name can be given back, once the name is free.',
      cause: error,
    });
  }
}

async function waitIfAsked(
  cli: Cli,
  client: Client,
  {
    names,
    options,
    goal,
  }: {readonly names: readonly string[]; readonly options: PowerOptions; readonly goal: Goal},
): Promise<void> {
  if (options.wait === true) {
    await waitFor(cli, client, {
      targets: names.map(name => ({kind: 'Workspace', name})),
      goal,
      timeout: options.timeout ?? '10m',
    });
  }
}

function repositoryUrl(text: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9-]*\/[A-Za-z0-9._-]+$/.test(text)
    ? `https://github.com/${text.replace(/\.git$/, '')}.git`
    : text;
}

function parseProvider(text: string): Provider {
  const parsed = providers.safeParse(text);
  if (!parsed.success) {
    throw new CliError('usage', `--provider is one of ${providers.options.join(', ')}, not "${text}"`);
  }

  return parsed.data;
}
