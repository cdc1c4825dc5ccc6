import type {Figure} from '../figure.ts';
import {summarise} from '../statistics.ts';
import {declare, removeWorkspace, untilReady} from '../workspaces.ts';

/** An instance is stopped behind Nexus's back: how long until it is being started again, by the backend's own clock. */
export const driftFigure: Figure = {
  name: 'drift',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const {nexus, events} = setting;
    const acting: number[] = [];
    const ready: number[] = [];
    const declared = await declare(setting, 'drift');
    const instance = `nexus-${declared.metadata.uid}`;
    let last = await untilReady(setting, declared);
    for (let round = 0; round < (quick ? 4 : 15); round += 1) {
      events.forget();
      await nexus.backend.state(instance, 'stop');
      const stopped = await events.first(instance, ['instance-stopped', 'instance-shutdown']);
      const starting = await events.first(instance, ['Starting instance', 'instance-started']);
      acting.push(starting.at - stopped.at);
      last = await nexus.client().get('Workspace', 'drift');
      last = await untilReady(setting, last);
      ready.push(Date.now() - stopped.at);
      say(`${acting.at(-1)} ms to act, ${ready.at(-1)} ms to Ready`);
    }

    await removeWorkspace(setting, last);
    return [
      {
        what: 'stopped by hand → being started',
        unit: 'ms',
        nexus: summarise(acting),
        aim: {of: 'median', atMost: 1000},
      },
      {what: 'stopped by hand → Ready again', unit: 'ms', nexus: summarise(ready)},
    ];
  },
};
