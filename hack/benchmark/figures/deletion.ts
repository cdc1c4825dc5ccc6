import type {Figure} from '../figure.ts';
import {ratios, summarise} from '../statistics.ts';
import {declare, removeWorkspace, untilReady} from '../workspaces.ts';

/** From the request to delete a running workspace until its record is gone, which goes last; and the backend's own stop and delete. */
export const deletionFigure: Figure = {
  name: 'deletion',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const {raw} = setting;
    const ours: number[] = [];
    const reference: number[] = [];
    for (let round = 0; round < (quick ? 3 : 10); round += 1) {
      const instance = raw.plan();
      await raw.create(instance);
      await raw.start(instance);
      const ready = await untilReady(setting, await declare(setting, `deletion-${round}`));
      let begin = performance.now();
      await raw.remove(instance);
      reference.push(performance.now() - begin);
      begin = performance.now();
      await removeWorkspace(setting, ready);
      ours.push(performance.now() - begin);
      say(`${ours.at(-1)?.toFixed(0)} ms, raw ${reference.at(-1)?.toFixed(0)} ms`);
    }

    return [
      {
        what: 'deleted → gone',
        unit: 'ms',
        nexus: summarise(ours),
        reference: {what: 'raw', summary: summarise(reference)},
        ratio: ratios(ours, reference),
      },
    ];
  },
};
