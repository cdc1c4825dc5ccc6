import {join} from 'node:path';
import type {Accelerator} from './accelerator.ts';
import {imageFiles} from './images.ts';
import type {MachineRecord} from './machine-record.ts';
import {machineFiles} from './paths.ts';
import {guestNetwork} from './seed.ts';

/** On a machine's address: its own sshd, and the agent's. Above 1024, where no right is needed to listen. */
export const machinePorts = {ssh: 2022, agent: 2023};

const guestPorts = {ssh: 22, agent: 1022};

export type CommandOptions = {
  readonly program: string;
  readonly record: MachineRecord;
  readonly accelerator: Accelerator;
  /** Folder of its kernel. */
  readonly image: string;
  /** Whether a guard keeps the machine from the node itself; without one it reaches nobody. */
  readonly guarded: boolean;
  /** Whether it is begun as root, and so must become somebody else. */
  readonly asRoot: boolean;
};

/** How QEMU is begun, in the machine's folder. Everything that could be there by default is left out, so that what is there is named here. */
export function qemuCommand(options: CommandOptions): readonly string[] {
  const {program, record, accelerator, image, guarded, asRoot} = options;
  const {cpus, memory} = record.limits;
  const forward = (from: number, to: number) =>
    `hostfwd=tcp:${record.address}:${from}-${guestNetwork.address}:${to}`;
  return [
    program,
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-name', `nexus-${record.uid},process=nexus-${record.uid.slice(0, 8)}`],
    ...['-machine', 'q35,usb=off,vmport=off,smbus=off,hpet=off'],
    ...(accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', 'tcg,thread=multi,tb-size=256', '-cpu', 'max']),
    ...['-smp', String(cpus), '-m', `size=${Math.floor(memory / 2 ** 20)}M`],
    ...['-kernel', join(image, imageFiles.kernel), '-initrd', machineFiles.initrd],
    ...['-append', kernelCommandLine(accelerator)],
    ...[
      '-blockdev',
      `driver=qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename=${machineFiles.disk},file.discard=unmap`,
    ],
    ...['-device', 'virtio-blk-pci,drive=disk,id=disk0'],
    ...[
      '-netdev',
      `user,id=net,ipv6=off,restrict=${guarded ? 'off' : 'on'},${forward(machinePorts.ssh, guestPorts.ssh)},${forward(machinePorts.agent, guestPorts.agent)}`,
    ],
    ...['-device', 'virtio-net-pci,netdev=net,romfile='],
    ...['-device', 'virtio-rng-pci'],
    // The console goes into memory: what a guest writes there can't fill the node's disk.
    ...['-chardev', 'ringbuf,id=console,size=65536', '-serial', 'chardev:console'],
    ...['-chardev', `file,id=started,path=${machineFiles.started}`],
    ...['-qmp', `unix:${machineFiles.monitor},server=on,wait=off`],
    ...['-qmp', `unix:${machineFiles.secondMonitor},server=on,wait=off`],
    ...['-pidfile', machineFiles.processId],
    // A machine that restarts itself is started anew, with what it is given at each start.
    ...['-action', 'reboot=shutdown,shutdown=poweroff,panic=shutdown'],
    // As root it becomes nobody before the guest runs its first instruction, and then could not be told from others by its rights.
    ...[
      '-sandbox',
      `on,obsolete=deny,spawn=deny,resourcecontrol=deny${asRoot ? '' : ',elevateprivileges=deny'}`,
    ],
    ...(asRoot ? ['-runas', `${record.userId}:${record.userId}`] : []),
  ];
}

/** What a processor could give away by guessing ahead is no matter where none guesses: without the countermeasures emulation is faster. */
function kernelCommandLine(accelerator: Accelerator): string {
  return [
    'console=ttyS0 quiet net.ifnames=0 panic=1 random.trust_cpu=on no_timer_check',
    ...(accelerator === 'tcg' ? ['mitigations=off tsc=reliable'] : []),
  ].join(' ');
}
