import type {Figure} from '../figure.ts';
import {commandsFor, measureOutput, openEcho} from '../openssh.ts';
import {ratios, summarise} from '../statistics.ts';
import {declare, removeWorkspace, untilReady} from '../workspaces.ts';

const mebibyte = 2 ** 20;

/** OpenSSH through the gateway with ProxyJump, against OpenSSH at the instance's own address. */
export const gatewayFigure: Figure = {
  name: 'gateway',
  async measure({quick, setting: prepare, say}) {
    const setting = await prepare();
    const workspace = await untilReady(setting, await declare(setting, 'gateway'));
    const {through, direct} = await commandsFor(setting, 'gateway');

    const trips: {through: number[]; direct: number[]} = {through: [], direct: []};
    {
      using far = await openEcho(through);
      using near = await openEcho(direct);
      for (let round = 0; round < (quick ? 100 : 1000); round += 1) {
        trips.direct.push(await near.trip());
        trips.through.push(await far.trip());
      }
    }

    const volume = (quick ? 128 : 512) * mebibyte;
    const speed = async (args: readonly string[]) => {
      const {bytes, time} = await measureOutput(args, `head -c ${volume} /dev/zero`);
      if (bytes !== volume) {
        throw new Error(`only ${bytes} of ${volume} bytes came`);
      }

      return volume / mebibyte / (time / 1000);
    };
    const speeds: {through: number[]; direct: number[]} = {through: [], direct: []};
    for (let round = 0; round < (quick ? 3 : 7); round += 1) {
      speeds.direct.push(await speed(direct));
      speeds.through.push(await speed(through));
      say(`${speeds.through.at(-1)?.toFixed(0)} MiB/s, direct ${speeds.direct.at(-1)?.toFixed(0)} MiB/s`);
    }

    await removeWorkspace(setting, workspace);
    return [
      {
        what: 'ssh round trip through the gateway',
        unit: 'ms',
        nexus: summarise(trips.through),
        reference: {what: 'direct', summary: summarise(trips.direct)},
        ratio: ratios(trips.through, trips.direct),
        aim: {of: 'difference', atMost: 5},
      },
      {
        what: 'ssh throughput through the gateway',
        unit: 'MiB/s',
        nexus: summarise(speeds.through),
        reference: {what: 'direct', summary: summarise(speeds.direct)},
        ratio: ratios(speeds.through, speeds.direct),
        aim: {of: 'ratio', atLeast: 0.5},
      },
    ];
  },
};
