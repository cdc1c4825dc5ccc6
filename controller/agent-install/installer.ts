import type {Clock} from '../../api/effects/clock.ts';
import type {AgentInstaller} from '../agent-client/agent-installer.ts';
import {installedAgent} from './agent-command.ts';
import type {AgentPackages} from './agent-package.ts';
import {deliverPackage, switchVersion} from './deliver-package.ts';
import {inspectMachine} from './inspect-machine.ts';
import {createMachine} from './machine.ts';
import {readMachineScript} from './machine-script.ts';

const remove = readMachineScript('remove');
const forget = readMachineScript('forget');

/** The real {@link AgentInstaller}. Throws AgentPackageError for a machine that there is no package for. */
export function createAgentInstaller({
  packages,
  clock,
}: {
  readonly packages: AgentPackages;
  readonly clock: Clock;
}): AgentInstaller {
  return {
    async install(session, {progress, signal}) {
      const machine = createMachine(session, clock);
      const {platform, folder, current, packing} = await inspectMachine(machine, signal);
      const found = await packages.find(platform, signal);
      const {total} = await deliverPackage(machine, found, {
        packing,
        signal,
        progress: ({sent, total}) => progress(sent, total),
      });
      await switchVersion(machine, found.id, signal);
      const command = [`${folder}/current/nexus`] as const;
      if (current === found.id) {
        return {outcome: total === 0 ? 'Current' : 'Installed', version: found.id, command};
      }
      // One that runs is of another version. The next connection starts this one.
      await machine.run(installedAgent('agent', 'stop'), {signal});
      return {outcome: current === undefined ? 'Installed' : 'Upgraded', version: found.id, command};
    },

    async rollBack(session, signal) {
      const machine = createMachine(session, clock);
      const {previous, current, folder} = await inspectMachine(machine, signal);
      const hasPrevious = previous !== undefined && previous !== current;
      if (hasPrevious) {
        await switchVersion(machine, previous, signal);
      } else {
        await machine.run(forget.command(), {signal});
      }
      // Only now, or a connection that comes meanwhile would start the same again. What can not even end an agent is passed over.
      const stop = current === undefined ? [] : [[`${folder}/${current}/nexus`, 'agent', 'stop']];
      await firstOf([...stop, installedAgent('agent', 'stop')], words => machine.run(words, {signal}));
      return hasPrevious ? previous : undefined;
    },

    async uninstall(session, signal) {
      await createMachine(session, clock).run(remove.command(), {signal});
    },
  };
}

/** The first that succeeds; throws what the last failed with. */
async function firstOf<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (const [index, item] of items.entries()) {
    try {
      await work(item);
      return;
    } catch (error) {
      if (index === items.length - 1) {
        throw error;
      }
    }
  }
}
