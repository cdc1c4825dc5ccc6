import type {Figure} from '../figure.ts';
import {ratios, summarise} from '../statistics.ts';
import {removeWorkspace, timeRawLogin, timeWorkspaceLogin} from '../workspaces.ts';

const count = 12;

/** Twelve at once, until the last of them can be logged in to. */
export const burstFigure: Figure = {
  name: 'burst',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const numbers = Array.from({length: count}, (_, index) => index);
    const ours: number[] = [];
    const raw: number[] = [];
    for (let round = 0; round < (quick ? 1 : 5); round += 1) {
      const made = await Promise.all(numbers.map(() => timeRawLogin(setting)));
      raw.push(Math.max(...made.map(({login}) => login)));
      await Promise.all(made.map(({instance}) => setting.raw.remove(instance)));

      const declared = await Promise.all(
        numbers.map(number => timeWorkspaceLogin(setting, `burst-${round}-${number}`)),
      );
      ours.push(Math.max(...declared.map(({times}) => times.login)));
      await Promise.all(declared.map(each => removeWorkspace(setting, each.declared)));
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
      },
    ];
  },
};
