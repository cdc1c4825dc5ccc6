import type {Figure} from '../figure.ts';
import {ratios, summarise} from '../statistics.ts';
import type {RawStages, Stages} from '../workspaces.ts';
import {medianStages, removeWorkspace, timeRawLogin, timeWorkspaceLogin} from '../workspaces.ts';

/** From the request to the first ssh login: a workspace, and an instance by the backend's own API, in turns. */
export const loginFigure: Figure = {
  name: 'login',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const rounds = quick ? 4 : 15;
    const ours: Stages[] = [];
    const raw: RawStages[] = [];
    // The first pays for what is kept: connections, compiled code, the image's volume.
    for (let round = -1; round < rounds; round += 1) {
      const reference = await timeRawLogin(setting);
      await setting.raw.remove(reference.instance);
      const {declared, times} = await timeWorkspaceLogin(setting, `login-${round + 1}`);
      await removeWorkspace(setting, declared);
      if (round >= 0) {
        raw.push(reference.times);
        ours.push(times);
        say(`${times.login.toFixed(0)} ms, raw ${reference.times.login.toFixed(0)} ms`);
      }
    }

    const logins = ours.map(({login}) => login);
    const rawLogins = raw.map(({login}) => login);
    return [
      {
        what: 'declared → ssh login',
        unit: 'ms',
        nexus: summarise(logins),
        reference: {what: 'raw', summary: summarise(rawLogins)},
        ratio: ratios(logins, rawLogins),
        aim: {of: 'ratio', atMost: 1.2},
        details: {...medianStages(ours), ...medianStages(raw, 'raw ')},
      },
    ];
  },
};
