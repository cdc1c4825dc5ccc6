import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {nodeName} from '../resource-name.ts';

export async function setUnschedulable(cli: Cli, word: string, unschedulable: boolean): Promise<void> {
  const name = nodeName(word);
  await using client = await connect(cli);
  const before = await client.get('Node', name, {signal: cli.signal});
  const done = unschedulable ? 'cordoned' : 'uncordoned';
  if (before.spec.unschedulable === unschedulable) {
    cli.print(`node/${name} was ${done} already`);
    return;
  }

  // A drain counts while its node is cordoned, and must not come back with the next cordon.
  const patch = {spec: {unschedulable, ...(!unschedulable && {drain: null})}};
  await client.patch('Node', name, {patch, signal: cli.signal});
  const wasDrained = !unschedulable && before.spec.drain !== undefined;
  cli.print(`node/${name} ${done}${wasDrained ? ', and not drained any more' : ''}`);
}
