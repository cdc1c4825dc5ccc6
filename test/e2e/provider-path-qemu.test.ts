import {readdir} from 'node:fs/promises';
import path from 'node:path';
import {ended, findProcess} from '../../agent/qemu/machine-process.ts';
import {machineFiles, pathsOf} from '../../agent/qemu/paths.ts';
import {connectQmp} from '../../agent/qemu/qmp.ts';
import {agentHome} from '../../agent/system/agent-home.ts';
import {systemClock} from '../../api/effects/clock.ts';
import {qemuByHand} from '../agent/qemu/by-hand.ts';
import {onQemu} from '../agent/qemu/fixture.ts';
import {eventually} from './eventually.ts';
import {createInstallation} from './installation.ts';
import {providerPath} from './provider-path.ts';

/** Milliseconds for an emulated machine to boot and to start its services, beside other tests. */
const patience = 480_000;

onQemu(({program, tarball}) => {
  providerPath('QEMU', {
    provider: 'qemu',
    patience,
    slow: {
      spec: {deadlines: {start: '10m', stop: '5m'}},
      healthCheck: {interval: '2s', timeout: '5s', startPeriod: '5m'},
    },
    async open() {
      const nexus = await createInstallation({provider: 'qemu', tarball});
      const folder = path.join(agentHome(nexus.home).folder, 'qemu');
      const {machines} = pathsOf(folder);
      const hand = qemuByHand(folder, program);
      return {
        nexus,
        hand: {
          // By its power button: what was just written is in the memory of its kernel.
          async stop(name) {
            const machine = path.join(machines, name);
            const process = await findProcess(machine);
            if (process === undefined) return;
            await using monitor = await connectQmp({
              folder: machine,
              socket: machineFiles.secondMonitor,
              clock: systemClock,
            });
            // Pressed again: whoever listens for it in the machine may have been begun after its sshd.
            await eventually(
              async () => {
                await monitor.execute('system_powerdown').catch(() => {});
                await ended(process, {clock: systemClock, timeout: 10_000});
              },
              {timeout: patience},
            );
          },
          freeze: hand.freeze,
          remove: hand.delete,
          left: async () => await readdir(machines),
        },
      };
    },
  });
});
