import type {Figure} from '../figure.ts';
import {processorTime} from '../processor-time.ts';
import type {Setting} from '../setting.ts';
import {percentile, ratios, summarise} from '../statistics.ts';
import type {RawStages, Stages} from '../workspaces.ts';
import {medianStages, removeWorkspace, timeRawLogin, timeWorkspaceLogin} from '../workspaces.ts';

const count = 12;
const numbers = Array.from({length: count}, (_, index) => index);

/** Twelve at once, until the last of them can be logged in to. */
export const burstFigure: Figure = {
  name: 'burst',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const ours: number[] = [];
    const raw: number[] = [];
    const stages: Stages[] = [];
    const rawStages: RawStages[] = [];
    const server: number[] = [];
    const agent: number[] = [];
    for (let round = 0; round < (quick ? 3 : 7); round += 1) {
      const reference = await Promise.all(numbers.map(() => timeRawLogin(setting)));
      await Promise.all(reference.map(({instance}) => setting.raw.remove(instance)));

      const before = await usedByNexus(setting);
      const made = await Promise.all(
        numbers.map(number => timeWorkspaceLogin(setting, `burst-${round}-${number}`)),
      );
      const after = await usedByNexus(setting);
      await Promise.all(made.map(({declared}) => removeWorkspace(setting, declared)));

      raw.push(Math.max(...reference.map(({times}) => times.login)));
      ours.push(Math.max(...made.map(({times}) => times.login)));
      rawStages.push(...reference.map(({times}) => times));
      stages.push(...made.map(({times}) => times));
      server.push(after.server - before.server);
      agent.push(after.agent - before.agent);
      say(`${ours.at(-1)?.toFixed(0)} ms, raw ${raw.at(-1)?.toFixed(0)} ms`);
    }

    return [
      {
        what: `${count} at once → last ssh login`,
        unit: 'ms',
        nexus: summarise(ours),
        reference: {what: 'raw', summary: summarise(raw)},
        ratio: ratios(ours, raw),
        aim: {of: 'ratio', atMost: 1.2},
        details: {
          ...medianStages(stages),
          ...medianStages(rawStages, 'raw '),
          'processor time of the server': percentile(server, 0.5),
          'processor time of the agent': percentile(agent, 0.5),
        },
      },
    ];
  },
};

async function usedByNexus({nexus}: Setting): Promise<{server: number; agent: number}> {
  return {
    server: await processorTime(nexus.server().pid),
    agent: await processorTime(await nexus.agentPid()),
  };
}
