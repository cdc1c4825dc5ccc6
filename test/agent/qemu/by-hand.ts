import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {cp, mkdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {qemuCommand} from '../../../agent/qemu/command.ts';
import {imageFiles} from '../../../agent/qemu/images.ts';
import {ended, findProcess} from '../../../agent/qemu/machine-process.ts';
import {machineRecord} from '../../../agent/qemu/machine-record.ts';
import {machineFiles, pathsOf} from '../../../agent/qemu/paths.ts';
import {connectQmp} from '../../../agent/qemu/qmp.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import type {ByHand} from '../../contracts/driver/suite.ts';

/** What somebody does with a shell: folders, processes and the second monitor. It knows nothing of the driver's state. */
export function qemuByHand(folder: string, program: string): ByHand {
  const {machines, images} = pathsOf(folder);
  const at = (name: string) => join(machines, name);

  async function stop(path: string): Promise<void> {
    const found = await findProcess(path);
    if (found === undefined) throw new Error(`nothing runs in ${path}`);
    process.kill(found.id, 'SIGKILL');
    await ended(found, {clock: systemClock, timeout: 10_000});
  }

  return {
    async start(name) {
      const record = machineRecord.parse(
        JSON.parse(await readFile(join(at(name), machineFiles.record), 'utf8')),
      );
      const image = join(images, record.image);
      await cp(join(image, imageFiles.initrd), join(at(name), machineFiles.initrd));
      const [, ...args] = qemuCommand({
        program,
        record,
        image,
        accelerator: 'tcg',
        guarded: false,
        asRoot: true,
      });
      const child = spawn(program, args, {cwd: at(name), detached: true, stdio: 'ignore'});
      child.unref();
      await once(child, 'spawn');
      const isThere = async (file: string) =>
        (await stat(join(at(name), file)).catch(() => undefined)) !== undefined;
      while (!((await isThere(machineFiles.processId)) && (await isThere(machineFiles.started)))) {
        if (child.exitCode !== null) throw new Error(`QEMU ended with exit code ${child.exitCode}`);
        await systemClock.sleep(10);
      }
    },

    stop: async name => await stop(at(name)),

    async freeze(name) {
      await using monitor = await connectQmp({
        folder: at(name),
        socket: machineFiles.secondMonitor,
        clock: systemClock,
      });
      await monitor.execute('stop');
    },

    rename: async (name, to) => await rename(at(name), at(to)),
    // Out of the way first: an agent that is about to start it would write into a folder that is half gone.
    async delete(name) {
      const gone = join(folder, `gone-${name}`);
      await rename(at(name), gone);
      if ((await findProcess(gone)) !== undefined) await stop(gone);
      await rm(gone, {recursive: true});
    },
    copy: async (name, to) => await cp(at(name), at(to), {recursive: true}),
    createForeign: async name => void (await mkdir(at(name))),

    async stateOf(name) {
      if ((await stat(at(name)).catch(() => undefined)) === undefined) return undefined;
      return (await findProcess(at(name))) === undefined ? 'Stopped' : 'Running';
    },
  };
}
