import {follow} from '../../api/client/watch.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {formatResources, parseFormat} from '../output/format.ts';
import {byLastSeen} from '../output/rows/event-rows.ts';
import {nameOf, parseTarget} from '../resource-name.ts';
import {printTable} from './get.ts';

export type EventsOptions = {
  readonly for?: string;
  readonly watch?: boolean;
  readonly output?: string;
  readonly headers?: boolean;
};

export async function events(cli: Cli, options: EventsOptions): Promise<void> {
  const format = parseFormat(options.output);
  const target = options.for === undefined ? undefined : parseTarget(options.for);
  await using client = await connect(cli);
  const selectors =
    target === undefined
      ? {}
      : {fieldSelector: `spec.regarding.kind=${target.kind},spec.regarding.name=${target.name}`};
  const wide = format.type === 'table' && format.wide;
  const show = (items: readonly Stored<'Event'>[], headers: boolean) => {
    if (format.type === 'table') {
      printTable(cli, items, {wide, headers: headers && options.headers !== false});
    } else {
      cli.print(formatResources(items, format, {single: false}));
    }
  };

  if (options.watch !== true) {
    const {items} = await client.list('Event', {...selectors, signal: cli.signal});
    if (items.length === 0) {
      cli.note(
        target === undefined ? 'There are no events.' : `There are no events about ${nameOf(target)}.`,
      );
    }

    show([...items].sort(byLastSeen), true);
    return;
  }

  for await (const change of follow(client, 'Event', {...selectors, signal: cli.signal})) {
    if (change.type === 'Listed') {
      show([...change.items].sort(byLastSeen), true);
    } else if (change.type === 'Added' || change.type === 'Modified') {
      show([change.object], false);
    } else if (change.type === 'Disconnected') {
      cli.note(`${change.error.message}; trying again`);
    }
  }
}
