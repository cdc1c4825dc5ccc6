// Shuts down the QEMU machines of a home, whose agent does not run: node hack/lib/stop-machines.ts HOME
import {qemuKind} from '../../agent/qemu/kind.ts';
import {agentHome, ensureInstallation} from '../../agent/system/agent-home.ts';
import {systemClock} from '../../api/effects/clock.ts';
import {silentLogger} from '../../api/effects/logger.ts';
import {systemRandom} from '../../api/effects/random.ts';

/** Milliseconds for each to shut itself down. */
const timeout = 30_000;

const home = agentHome(process.argv[2] ?? '');
const place = await qemuKind.find({config: {}, env: process.env});
if (place !== undefined) {
  await using driver = qemuKind.open({
    place,
    installation: await ensureInstallation(home),
    folder: `${home.folder}/qemu`,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
  const machines = await driver.observe();
  await Promise.all(machines.map(({uid}) => driver.stop(uid, {force: false, timeout})));
}
