import type {Figure} from '../figure.ts';
import {percentile, ratios, summarise} from '../statistics.ts';
import {removeWorkspace, timeRawLogin, timeWorkspaceLogin} from '../workspaces.ts';

/** From the request to the first ssh login: a workspace, and an instance by the backend's own API, in turns. */
export const loginFigure: Figure = {
  name: 'login',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const rounds = quick ? 4 : 15;
    const ours: number[] = [];
    const raw: number[] = [];
    const stages: Record<string, number[]> = {};
    // The first pays for what is kept: connections, compiled code, the image's volume.
    for (let round = -1; round < rounds; round += 1) {
      const reference = await timeRawLogin(setting);
      await setting.raw.remove(reference.instance);
      setting.events.forget();
      const sent = Date.now();
      const {declared, times} = await timeWorkspaceLogin(setting, `login-${round + 1}`);
      const instance = `nexus-${declared.metadata.uid}`;
      const told = {
        createBegun: setting.events.seen(instance, ['Creating instance']),
        created: setting.events.seen(instance, ['instance-created']),
        startBegun: setting.events.seen(instance, ['Starting instance']),
        started: setting.events.seen(instance, ['instance-started']),
      };
      await removeWorkspace(setting, declared);
      if (round < 0) {
        continue;
      }

      raw.push(reference.login);
      ours.push(times.login);
      for (const [name, value] of Object.entries(times)) {
        stages[name] = [...(stages[name] ?? []), value];
      }
      for (const [name, event] of Object.entries(told)) {
        stages[name] = [...(stages[name] ?? []), (event?.at ?? Number.NaN) - sent];
      }
      say(`${times.login.toFixed(0)} ms, raw ${reference.login.toFixed(0)} ms`);
    }

    return [
      {
        what: 'declared → ssh login',
        unit: 'ms',
        nexus: summarise(ours),
        reference: {what: 'raw', summary: summarise(raw)},
        ratio: ratios(ours, raw),
        aim: {of: 'ratio', atMost: 1.2},
        details: Object.fromEntries(
          Object.entries(stages).map(([name, values]) => [name, percentile(values, 0.5)]),
        ),
      },
    ];
  },
};
