import {timestampAt} from '../../api/effects/clock.ts';
import {upgradeAtAnnotation} from '../../api/v1alpha1/annotations.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {nodeName} from '../resource-name.ts';

/** Milliseconds that the server may take: a slow line, and the time that the new agent must hold. */
const patience = 1_800_000;
const interval = 1000;

/** Has the agent of a node upgraded now, whatever runs there and whatever failed before, and waits for the end. */
export async function upgradeNode(cli: Cli, word: string): Promise<void> {
  const name = nodeName(word);
  await using client = await connect(cli);
  const before = (await client.get('Node', name, {signal: cli.signal})).status?.failedUpgrade?.at;
  // After the last failure, whatever the two machines' clocks say.
  const asked = timestampAt(Math.max(cli.clock.now(), before === undefined ? 0 : Date.parse(before) + 1));
  await client.patch('Node', name, {
    patch: {metadata: {annotations: {[upgradeAtAnnotation]: asked}}},
    signal: cli.signal,
  });
  let told = '';
  for (const until = cli.clock.now() + patience; cli.clock.now() < until; ) {
    const {status} = await client.get('Node', name, {signal: cli.signal});
    const condition = findCondition(status?.conditions, 'AgentUpToDate');
    if (condition?.status === 'True') {
      cli.print(`node/${name} is up to date: ${status?.agentPackage ?? condition.message}`);
      return;
    }

    const failed = status?.failedUpgrade;
    if (failed !== undefined && failed.at !== before) {
      throw new CliError('failed', `the agent of node ${name} could not be upgraded: ${failed.message}`, {
        hint: `See what it says of itself: nexus node test ${name}`,
      });
    }

    if (condition?.reason === 'ManagedElsewhere' || condition?.reason === 'NoPackage') {
      throw new CliError('refused', condition.message);
    }

    if (condition !== undefined && condition.message !== told) {
      told = condition.message;
      cli.note(told);
    }

    await cli.clock.sleep(interval, cli.signal);
  }

  throw new CliError('timedOut', `node ${name} was not upgraded within ${patience / 60_000} minutes`, {
    hint: `Look at it with: nexus node status ${name}`,
  });
}
