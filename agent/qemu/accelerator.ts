import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {cpioArchive} from './cpio.ts';
import {runProgram} from './run-program.ts';

/** `kvm` is the processor itself; `tcg` emulates one, about ten times slower. */
export type Accelerator = 'kvm' | 'tcg';

/** Milliseconds in which a kernel that works has begun its first program: half a second with KVM, and a few seconds where it is emulated. */
const defaultPatience = 20_000;

/** Written by the trial to QEMU's debug port: QEMU then ends with twice this and one. */
const token = 0x21;

/**
 * Whether KVM really runs machines with this kernel here. That /dev/kvm opens says little: inside many a cloud machine it does and no guest comes
 * up, or simple ones do and Linux hangs.
 */
export async function findAccelerator(program: string, kernel: string): Promise<Verdict> {
  const outcome = await runTrial({program, kernel, accelerator: 'kvm'});
  return {accelerator: outcome === 'ran' ? 'kvm' : 'tcg', isCertain: outcome !== 'unknown'};
}

export type Verdict = {
  readonly accelerator: Accelerator;
  /** False when the trial was late or could not be begun, which another one may not be. */
  readonly isCertain: boolean;
};

export type Trial = {
  readonly program: string;
  /** Path of a Linux kernel. */
  readonly kernel: string;
  readonly accelerator: Accelerator;
  /** Milliseconds until it is late; 20 seconds by default. */
  readonly patience?: number;
};

/** `failed`: the machine ended otherwise than it should. `unknown`: it was not seen to end, or not even begun. */
export type TrialOutcome = 'ran' | 'failed' | 'unknown';

/** Runs a machine without a disk, whose first program says that it was there. Never rejects. */
export async function runTrial({
  program,
  kernel,
  accelerator,
  patience = defaultPatience,
}: Trial): Promise<TrialOutcome> {
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(tmpdir(), 'nexus-trial-'));
    const initrd = join(folder, 'initrd');
    await writeFile(initrd, cpioArchive([{path: 'init', mode: 0o755, content: firstProgram()}]));
    const {exitCode} = await runProgram(
      program,
      [
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35', '-m', '256M'],
        ...['-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max', '-no-reboot'],
        ...['-kernel', kernel, '-initrd', initrd, '-append', 'quiet no_timer_check'],
        ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x01'],
        ...['-sandbox', 'on,spawn=deny,elevateprivileges=deny,resourcecontrol=deny'],
      ],
      {timeout: patience},
    );
    return exitCode === token * 2 + 1 ? 'ran' : 'failed';
  } catch {
    return 'unknown';
  } finally {
    // What is left of it does no harm.
    if (folder !== undefined) await rm(folder, {recursive: true, force: true}).catch(() => undefined);
  }
}

/** An ELF program for x86-64 Linux: `iopl(3)`, which permits what follows, then the token to the port 0xf4. */
function firstProgram(): Buffer {
  const code = Buffer.from([
    ...[0xb8, 172, 0, 0, 0], // mov eax, SYS_iopl
    ...[0xbf, 3, 0, 0, 0], // mov edi, 3
    ...[0x0f, 0x05], // syscall
    ...[0xb0, token], // mov al, token
    ...[0xe6, 0xf4], // out 0xf4, al
    ...[0xeb, 0xfe], // jmp to itself
  ]);
  const base = 0x40_0000;
  const [fileHeader, programHeader] = [64, 56];
  const start = fileHeader + programHeader;
  const program = Buffer.alloc(start + code.length);
  // Magic, 64 bits, little-endian, version 1; then executable, x86-64, version 1.
  program.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  program.writeUInt16LE(2, 16);
  program.writeUInt16LE(0x3e, 18);
  program.writeUInt32LE(1, 20);
  program.writeUInt32LE(base + start, 24);
  program.writeUInt32LE(fileHeader, 32);
  program.writeUInt16LE(fileHeader, 52);
  program.writeUInt16LE(programHeader, 54);
  program.writeUInt16LE(1, 56);
  // All of the file is loaded, to be read and executed.
  program.writeUInt32LE(1, fileHeader);
  program.writeUInt32LE(5, fileHeader + 4);
  program.writeUInt32LE(base, fileHeader + 16);
  program.writeUInt32LE(base, fileHeader + 24);
  program.writeUInt32LE(program.length, fileHeader + 32);
  program.writeUInt32LE(program.length, fileHeader + 40);
  program.writeUInt32LE(0x1000, fileHeader + 48);
  program.set(code, start);
  return program;
}
