import {isApiError} from '../../api/client/api-error.ts';
import type {Client} from '../../api/client/client.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {describeResource} from '../output/describe.ts';
import {byLastSeen} from '../output/rows/event-rows.ts';
import type {Target} from '../resource-name.ts';
import {parseTargets} from '../resource-name.ts';

export async function describe(cli: Cli, words: readonly string[]): Promise<void> {
  const {kinds, targets} = parseTargets(words);
  await using client = await connect(cli);
  const all =
    targets.length > 0
      ? targets
      : (
          await Promise.all(
            kinds.map(async kind =>
              (
                await client.list(kind, {signal: cli.signal})
              ).items.map(({metadata}): Target => ({kind, name: metadata.name})),
            ),
          )
        ).flat();
  for (const [index, {kind, name}] of all.entries()) {
    const resource = await client.get(kind, name, {signal: cli.signal});
    const events = await eventsAbout(client, resource, cli.signal);
    const workspaces = kind === 'Node' ? await workspacesOn(client, name, cli.signal) : undefined;
    if (index > 0) {
      cli.print('\n');
    }

    const options = {now: cli.clock.now(), style: cli.style, events};
    for (const line of describeResource(
      resource,
      workspaces === undefined ? options : {...options, workspaces},
    )) {
      cli.print(line);
    }
  }
}

/** Oldest first; none when the caller may not see them. */
export async function eventsAbout(
  client: Pick<Client, 'list'>,
  {metadata: {uid}}: Stored,
  signal: AbortSignal,
): Promise<readonly Stored<'Event'>[]> {
  try {
    const {items} = await client.list('Event', {fieldSelector: `spec.regarding.uid=${uid}`, signal});
    return [...items].sort(byLastSeen);
  } catch (error) {
    if (isApiError(error) && error.status === 403) {
      return [];
    }

    throw error;
  }
}

/** As far as the caller may see them. */
export async function workspacesOn(
  client: Pick<Client, 'list'>,
  node: string,
  signal: AbortSignal,
): Promise<readonly Stored<'Workspace'>[]> {
  const {items} = await client.list('Workspace', {fieldSelector: `status.node=${node}`, signal});
  return items;
}
