import {availableParallelism} from 'node:os';
import {untilGone} from '../../../test/e2e/workspaces.ts';
import type {Figure} from '../figure.ts';
import {commandsFor, measureOutput} from '../openssh.ts';
import {summarise} from '../statistics.ts';
import {declare, untilReady} from '../workspaces.ts';

/** More than twice as many as a node has ssh ports. */
const count = 200;

/** What idles in these takes less than what is set aside by default. */
const resources = {
  cpus: 1,
  memory: '256MiB',
  disk: '1GiB',
  requests: {cpus: 0.01, memory: '32MiB', disk: '32MiB'},
};

/** Two hundred workspaces on one node, each entered through the gateway. It takes minutes, and is measured only when asked for by name. */
export const reachFigure: Figure = {
  name: 'reach',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const names = Array.from({length: quick ? 100 : count}, (_, index) => `reach-${index}`);
    const begin = performance.now();
    const made = await inTurns(names, 2 * availableParallelism(), async name => {
      const declared = await declare(setting, name, {resources});
      const ready = await patiently(() => untilReady(setting, declared));
      const number = Number(name.split('-')[1]);
      if (number % 20 === 19) {
        say(`${number + 1} are Ready after ${((performance.now() - begin) / 1000).toFixed(0)} s`);
      }

      return ready;
    });
    const started = (performance.now() - begin) / 1000;
    const withPort = made.filter(({status}) => status?.ssh?.port !== undefined).length;
    say(`${withPort} have a port of the node; all are entered through the gateway`);

    const entering = performance.now();
    const answers = await inTurns(names, 8, async name => {
      const {through} = await commandsFor(setting, name);
      const {bytes} = await measureOutput(through, 'hostname');
      return bytes === name.length + 1;
    });
    const entered = (performance.now() - entering) / 1000;
    const reached = answers.filter(Boolean).length;
    say(`${reached} of ${names.length} answered within ${entered.toFixed(0)} s`);
    // All at once would keep the agent busy for longer than whoever ends it waits.
    await inTurns(names, 4, async name => {
      await setting.nexus.client().workspaces.delete(name, {force: true});
      await patiently(() => untilGone(setting.nexus, name));
    });
    return [
      {
        what: `workspaces on one node that are reached through the gateway, of ${names.length}`,
        unit: 'count',
        nexus: summarise([reached]),
        aim: {of: 'median', atLeast: names.length},
        details: {
          'with an ssh port of the node': withPort,
          'seconds until all were Ready': started,
          'seconds to enter all': entered,
        },
      },
    ];
  },
};

/** The watch of the benchmark gives up after a minute; the machine may be busy for longer. */
async function patiently<T>(wait: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await wait();
    } catch (error) {
      if (attempt === 10) {
        throw error;
      }
    }
  }
}

/** So many at a time, results in order. */
async function inTurns<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const worker = async () => {
    for (const [index, item] of rest) {
      results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({length: width}, worker));
  return results;
}
