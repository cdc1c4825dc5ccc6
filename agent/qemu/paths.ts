import {join} from 'node:path';

/** Where the driver keeps things, below the agent's folder. */
export type Paths = {
  readonly machines: string;
  readonly images: string;
};

export function pathsOf(folder: string): Paths {
  return {machines: join(folder, 'machines'), images: join(folder, 'images')};
}

/** Files in a machine's folder. QEMU works there and is told their names alone. */
export const machineFiles = {
  record: 'machine.json',
  disk: 'disk.qcow2',
  /** The image's initrd with what this start is given. */
  initrd: 'initrd',
  /** A folder: kernel and initrd of a machine that has come from another node. */
  boot: 'boot',
  /** The agent's connection to QEMU; it takes one at a time. */
  monitor: 'qmp.sock',
  /** As `monitor`, for people. */
  secondMonitor: 'monitor.sock',
  processId: 'qemu.pid',
  /** Made by QEMU at each start, and never removed: it tells that the machine has run. */
  started: 'started',
} as const;
