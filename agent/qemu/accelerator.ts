import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {runProgram} from './run-program.ts';

/** `kvm` is the processor itself; `tcg` emulates one, about ten times slower. */
export type Accelerator = 'kvm' | 'tcg';

/** Milliseconds in which a machine that works has begun. */
const patience = 10_000;

/** Written by the trial to QEMU's debug port: QEMU then ends with twice this and one. */
const token = 0x21;

/**
 * Whether KVM really runs a machine here. That /dev/kvm opens says little: inside many a cloud machine it does, and no guest ever comes up.
 */
export async function findAccelerator(program: string): Promise<Accelerator> {
  return (await canRun(program, 'kvm')) ? 'kvm' : 'tcg';
}

/** Runs a machine of a single boot sector, which says that it was there. */
export async function canRun(program: string, accelerator: Accelerator): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-trial-'));
  try {
    const sector = join(folder, 'sector');
    await writeFile(sector, bootSector());
    const {exitCode} = await runProgram(
      program,
      [
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc', '-m', '16M'],
        ...['-accel', accelerator, '-no-reboot', '-boot', 'a'],
        ...['-drive', `if=floppy,format=raw,readonly=on,file=${sector}`],
        ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x01'],
        ...['-sandbox', 'on,spawn=deny,elevateprivileges=deny,resourcecontrol=deny'],
      ],
      {timeout: patience},
    );
    return exitCode === token * 2 + 1;
  } catch {
    return false;
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/** `mov al, token; out 0xf4, al; hlt`, and what makes it bootable. */
function bootSector(): Buffer {
  const sector = Buffer.alloc(512);
  sector.set([0xb0, token, 0xe6, 0xf4, 0xf4]);
  sector.set([0x55, 0xaa], 510);
  return sector;
}
