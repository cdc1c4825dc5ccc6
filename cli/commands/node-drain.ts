import type {Client} from '../../api/client/client.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {forecastDrain} from '../node/forecast-drain.ts';
import {nodeName} from '../resource-name.ts';
import type {Progress} from '../wait/progress.ts';
import {createProgress} from '../wait/progress.ts';
import {parseTimeout} from '../wait/wait-for.ts';

export type DrainOptions = {
  readonly to?: string;
  /** As people write it, such as `5m`. */
  readonly timeout: string;
  readonly dryRun?: boolean;
  readonly ignoreUnmovable?: boolean;
  readonly wait: boolean;
};

/** Milliseconds between two looks. */
const interval = 1000;

/** Looks in a row at which nothing can be moved, before that is taken for final. */
const patience = 3;

/**
 * Has the workspaces of a node moved, and waits until none is left or none of those that are can be. Giving up waiting ends nothing. Throws CliError:
 * `conflict` when some have to stay, `timedOut`.
 */
export async function drainNode(cli: Cli, word: string, options: DrainOptions): Promise<void> {
  const name = nodeName(word);
  const to = options.to === undefined ? undefined : nodeName(options.to);
  const timeout = parseTimeout(options.timeout);
  await using client = await connect(cli);
  await checkTarget(cli, client, name, to);
  if (options.dryRun === true) {
    return await sayWhere(cli, client, {name, to});
  }

  const requestedAt = timestampAt(cli.clock.now());
  const until = timestampAt(cli.clock.now() + timeout);
  // The whole of an earlier drain is replaced.
  const patch = {spec: {unschedulable: true, drain: {requestedAt, until, to: to ?? null}}};
  await client.patch('Node', name, {patch, signal: cli.signal});
  cli.print(`node/${name} cordoned, and being drained`);
  if (options.wait) {
    await waitUntilEmpty(cli, client, {name, options, deadline: cli.clock.now() + timeout});
  }
}

async function checkTarget(cli: Cli, client: Client, name: string, to: string | undefined): Promise<void> {
  await client.get('Node', name, {signal: cli.signal});
  if (to === name) {
    throw new CliError('usage', 'a node can not be drained to itself');
  }

  if (to !== undefined) {
    await client.get('Node', to, {signal: cli.signal});
  }
}

async function sayWhere(
  cli: Cli,
  client: Client,
  {name, to}: {readonly name: string; readonly to: string | undefined},
): Promise<void> {
  const [{items: nodes}, {items: workspaces}] = await Promise.all([
    client.list('Node', {signal: cli.signal}),
    client.list('Workspace', {signal: cli.signal}),
  ]);
  const forecast = forecastDrain({nodes, workspaces, name, to, now: cli.clock.now()});
  if (forecast.length === 0) {
    cli.print(`node/${name} has no workspaces (dry run)`);
  }

  for (const {workspace, target, reason} of forecast) {
    cli.print(
      target === undefined
        ? `workspace/${workspace} stays: ${reason} (dry run)`
        : `workspace/${workspace} goes to ${target} (dry run)`,
    );
  }
}

type Waiting = {readonly name: string; readonly options: DrainOptions; readonly deadline: number};

async function waitUntilEmpty(cli: Cli, client: Client, {name, options, deadline}: Waiting): Promise<void> {
  using progress = createProgress(cli, {isOfInterest: type => type === 'InPlace'});
  const met = new Set<string>();
  for (let stuck = 0; ; ) {
    const {items} = await client.list('Workspace', {signal: cli.signal});
    const left = items.filter(({status}) => status?.node === name || status?.migration?.source === name);
    show(progress, items, met, left);
    if (left.length === 0) {
      cli.print(`node/${name} drained`);
      return;
    }

    stuck = left.every(isStuck) ? stuck + 1 : 0;
    if (stuck >= patience) {
      return sayWhatStays(cli, name, left, options);
    }

    if (cli.clock.now() >= deadline) {
      throw new CliError('timedOut', `waited ${options.timeout}, and node ${name} still has ${count(left)}`, {
        details: left.map(describe),
        hint: `Moves that are under way go on. Drain it again for more time, or undo it with: nexus node uncordon ${name}`,
      });
    }

    await cli.clock.sleep(interval, cli.signal);
  }
}

/** Tells of those that are to go, and of those that were and are there. */
function show(
  progress: Progress,
  all: readonly Stored<'Workspace'>[],
  met: Set<string>,
  left: readonly Stored<'Workspace'>[],
): void {
  for (const {metadata} of left) {
    met.add(metadata.uid);
  }

  for (const workspace of all) {
    if (met.has(workspace.metadata.uid)) {
      progress.show(workspace);
    }
  }
}

function sayWhatStays(
  cli: Cli,
  name: string,
  left: readonly Stored<'Workspace'>[],
  {ignoreUnmovable}: DrainOptions,
): void {
  if (ignoreUnmovable === true) {
    for (const workspace of left) {
      cli.note(describe(workspace));
    }

    cli.print(`node/${name} drained, but for ${count(left)}`);
    return;
  }

  throw new CliError('conflict', `node ${name} keeps ${count(left)} that can't be moved now`, {
    details: left.map(describe),
    hint: `The node stays cordoned, and they go as soon as they can. Undo it with: nexus node uncordon ${name}`,
  });
}

function isStuck({status}: Stored<'Workspace'>): boolean {
  const condition = findCondition(status?.conditions, 'InPlace');
  return condition?.reason === 'CannotMove' || condition?.reason === 'MoveFailed';
}

function describe({metadata, status}: Stored<'Workspace'>): string {
  return `workspace/${metadata.name}: ${findCondition(status?.conditions, 'InPlace')?.message ?? 'nothing is said of it yet'}`;
}

function count({length}: readonly unknown[]): string {
  return length === 1 ? '1 workspace' : `${length} workspaces`;
}
