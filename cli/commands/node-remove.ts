import type {Client} from '../../api/client/client.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {askYes} from '../node/ask.ts';
import {createStepHistory} from '../node/follow-steps.ts';
import {createStepProgress} from '../node/step-progress.ts';
import {nodeName} from '../resource-name.ts';

export type NodeRemoveOptions = {readonly force?: boolean; readonly purge?: boolean};

/** How many workspaces are named. */
const shown = 10;

/** Forgets a node; with `purge` also takes everything of Nexus from its machine. What stays there is told. Throws CliError while workspaces are on it. */
export async function removeNode(cli: Cli, word: string, options: NodeRemoveOptions): Promise<void> {
  const name = nodeName(word);
  await using client = await connect(cli);
  const node = await client.get('Node', name, {signal: cli.signal});
  const {items: workspaces} = await client.list('Workspace', {
    fieldSelector: `status.node=${name}`,
    signal: cli.signal,
  });
  if (workspaces.length > 0 && (options.force !== true || options.purge === true)) {
    throw new CliError(
      'conflict',
      `node ${name} still has ${workspaces.length} ${workspaces.length === 1 ? 'workspace' : 'workspaces'}`,
      {
        details: namesOf(workspaces),
        hint: `Move them away (nexus node drain ${name}) or delete them first. If the machine is gone for good: nexus node remove ${name} --force`,
      },
    );
  }

  const purge =
    options.purge === true ||
    (options.force !== true &&
      !node.spec.local &&
      (await askYes(
        cli,
        `Also take the agent, what it has set up and the server's key away from ${placeOf(node)}`,
      )));
  if (purge) {
    await purgeNode(cli, {client, node, force: options.force === true});
    return;
  }

  // Whatever has come to be there since is not left behind unseen.
  await client.nodes.remove(name, {force: options.force === true, signal: cli.signal});
  cli.print(`node/${name} removed`);
  for (const line of leftBehind(node, workspaces)) {
    cli.note(line);
  }
}

async function purgeNode(
  cli: Cli,
  {client, node, force}: {readonly client: Client; readonly node: Stored<'Node'>; readonly force: boolean},
): Promise<void> {
  const {name} = node.metadata;
  using progress = createStepProgress(cli, {to: 'stderr'});
  const {ok, steps} = await createStepHistory().follow(
    client.nodes.purge(name, {force, signal: cli.signal}),
    progress,
  );
  progress[Symbol.dispose]();
  cli.print(`node/${name} removed`);
  if (!ok) {
    const failed = steps.find(({outcome}) => outcome === 'failed');
    throw new CliError(
      'failed',
      `not everything could be taken away from ${placeOf(node)}: ${failed?.message}`,
      {
        details: [...leftBehind(node, [])],
        hint: `Add it again and remove it with --purge once that is mended: nexus node add ${name} ${node.spec.address}`,
      },
    );
  }
}

/** What a node that is merely forgotten keeps, a line each. Pure. */
export function leftBehind(node: Stored<'Node'>, workspaces: readonly Stored<'Workspace'>[]): string[] {
  if (node.spec.local) {
    return [
      'What is on this machine stays: hack/down --purge takes it away. The server declares the node again when it starts.',
    ];
  }

  const {user} = node.spec;
  return [
    `Left on ${placeOf(node)}:`,
    ...(workspaces.length === 0
      ? []
      : [
          `  ${workspaces.length} ${workspaces.length === 1 ? 'workspace' : 'workspaces'}: ${namesOf(workspaces).join(', ')}`,
          '  (to let go of one that is gone for good: nexus delete workspace NAME --force)',
        ]),
    `  the agent in ~${user}/.nexus, with project, storage pool, network and images on its backends`,
    `  the server's key in ~${user}/.ssh/authorized_keys`,
    'nexus node remove --purge would have taken that away, too; nexus node add takes the machine back as it is.',
  ];
}

function namesOf(workspaces: readonly Stored<'Workspace'>[]): string[] {
  const names = workspaces.slice(0, shown).map(({metadata}) => `workspace/${metadata.name}`);
  return workspaces.length > shown ? [...names, `and ${workspaces.length - shown} more`] : names;
}

function placeOf({spec}: Stored<'Node'>): string {
  return spec.local ? 'this machine' : `${spec.user}@${spec.address}`;
}
