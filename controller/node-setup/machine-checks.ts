import type {Provider} from '../../api/v1alpha1/workspace.ts';
import type {FoundSocket, MachineReport} from './machine-report.ts';
import type {Verdict} from './steps.ts';
import {StepError} from './steps.ts';

const mebibyte = 2 ** 20;

/** Bytes below the home. What the agent takes and needs to work; the image passes through there, too. */
const leastDisk = 400 * mebibyte;
const goodDisk = 2048 * mebibyte;

/** Milliseconds. Times in statuses are the node's own; certificates and builds go wrong with clocks that are off by minutes. */
const goodClock = 2000;
const worstClock = 60_000;

/** The account runs programs, and nothing but their output comes back. Throws StepError. Pure, as all here are. */
export function checkShell(before: string, report: MachineReport): Verdict<undefined> {
  const {user, home, homeWritable, kernel, architecture, system} = report;
  if (before !== '') {
    throw new StepError(
      'ShellUnusable',
      `the shell of ${user} prints ${JSON.stringify(before.trim().slice(0, 80))} before a program's own output, which the agent's messages would be lost in`,
      {
        cure: [
          `Let ${home}/.bashrc, .profile or their like print in interactive shells only: [ -t 1 ] && echo …`,
        ],
      },
    );
  }
  if (kernel !== 'Linux') {
    throw new StepError('ShellUnusable', `the machine runs ${kernel}; nodes are Linux machines`);
  }
  if (!homeWritable) {
    throw new StepError('ShellUnusable', `${user} can not write to its home ${home}, where the agent goes`, {
      cure: [`Make it, or give it to its user: chown ${user}: ${home}`],
    });
  }
  const what = [system, architecture].filter(text => text !== '').join(', ');
  return {outcome: 'ok', message: `${what}; programs run as ${user}, in ${home}`, value: undefined};
}

export function checkDisk({free, home}: MachineReport): Verdict<undefined> {
  if (free === undefined) {
    return {outcome: 'warning', message: `how much is free in ${home} could not be told`, value: undefined};
  }
  const message = `${sizeText(free)} free in ${home}`;
  if (free < leastDisk) {
    throw new StepError(
      'DiskFull',
      `${message}; the agent and what passes through there need ${sizeText(leastDisk)}`,
      {
        cure: [`Make room there. What takes it: du -xh --max-depth=2 ${home} | sort -h | tail`],
      },
    );
  }
  return free < goodDisk
    ? {
        outcome: 'warning',
        message,
        cure: [`That is little: give the file system of ${home} more room before workspaces fill it.`],
        value: undefined,
      }
    : {outcome: 'ok', message, value: undefined};
}

export type ClockReading = {
  /** Milliseconds since 1970 here, when the machine was asked and when it had answered. */
  readonly asked: number;
  readonly answered: number;
};

export function checkClock(
  {time, timePrecision}: MachineReport,
  {asked, answered}: ClockReading,
): Verdict<undefined> {
  if (time === undefined) {
    return {outcome: 'warning', message: 'its clock could not be read', value: undefined};
  }
  // It was read somewhere between the two.
  const skew = time < asked ? time - asked : time > answered ? time - answered : 0;
  const off = Math.max(0, Math.abs(skew) - timePrecision);
  const cure = [
    "Set it, and keep it set: timedatectl set-ntp true, or install chrony. If it is right, the server's own is wrong.",
  ];
  if (off < goodClock) {
    const within = Math.max(answered - asked, timePrecision) / 1000;
    return {
      outcome: 'ok',
      message: `its clock agrees with the server's (within ${within.toFixed(1)} s)`,
      value: undefined,
    };
  }
  const message = `its clock is ${durationText(off)} ${skew < 0 ? 'behind' : 'ahead of'} the server's`;
  if (off >= worstClock) {
    throw new StepError('ClockOff', message, {cure});
  }
  return {outcome: 'warning', message, cure, value: undefined};
}

/** What workspaces can run on there. Throws StepError when that is nothing. */
export function checkProviders(report: MachineReport): Verdict<readonly Provider[]> {
  const {user, uid, sockets, qemu, kvm, programs} = report;
  const open = sockets.filter(socket => socket.open);
  const closed = sockets.filter(socket => !socket.open);
  const hasQemu = qemu !== undefined;
  const found: readonly Provider[] = [
    ...(open.some(({backend}) => backend !== 'docker') ? (['lxc'] as const) : []),
    ...(open.some(({backend}) => backend === 'docker') ? (['docker'] as const) : []),
    ...(hasQemu ? (['qemu'] as const) : []),
  ];
  const cure = closed.map(socket => accessCure(user, socket));
  if (found.length > 0) {
    const texts = [
      ...open.map(({backend, path}) => `${backendName(backend)} at ${path}`),
      ...(hasQemu ? [`QEMU${kvm === 'open' ? ' with KVM' : ' without KVM, so slow'}`] : []),
    ];
    return {outcome: 'ok', message: texts.join(', '), cure, value: found};
  }
  const [first] = closed;
  if (first !== undefined) {
    throw new StepError(
      'NoProvider',
      `${backendName(first.backend)} is there, but ${user} may not use ${first.path}`,
      {cure},
    );
  }
  const sleeping = programs.filter(program => program !== 'docker' && program !== 'incus');
  if (sleeping.length > 0) {
    throw new StepError('NoProvider', `${sleeping.join(' and ')}: installed there, but not running`, {
      cure: [`Start it: ${sudo(uid)}systemctl enable --now ${serviceOf(sleeping[0] ?? '')}`],
    });
  }
  throw new StepError('NoProvider', 'no Incus, LXD, Docker or QEMU was found there', {
    cure: [
      'Install one; Incus is the best for most. On that machine:',
      `  Debian 13+, Ubuntu 24.04+:  ${sudo(uid)}apt-get install --yes incus btrfs-progs`,
      `  Debian 12:                  the same with --target-release bookworm-backports, once that is among its sources`,
      `  Ubuntu with snap:           ${sudo(uid)}snap install lxd`,
      `  Docker instead:             ${sudo(uid)}apt-get install --yes docker.io`,
      `  QEMU instead:               ${sudo(uid)}apt-get install --yes qemu-system-x86 qemu-utils`,
      ...(uid === 0 ? [] : [`and let ${user} use it: sudo usermod --append --groups incus-admin ${user}`]),
    ],
  });
}

function accessCure(user: string, {backend, group}: FoundSocket): string {
  const usual = {incus: 'incus-admin', lxd: 'lxd', docker: 'docker', container: 'incus-admin'}[backend];
  const name = group === undefined || group === '' || group === 'root' ? usual : group;
  return `To use ${backendName(backend)} there: sudo usermod --append --groups ${name} ${user}`;
}

function backendName(backend: FoundSocket['backend']): string {
  return {incus: 'Incus', lxd: 'LXD', docker: 'Docker', container: 'the configured backend'}[backend];
}

function serviceOf(program: string): string {
  return {incusd: 'incus', dockerd: 'docker'}[program] ?? program;
}

function sudo(uid: number): string {
  return uid === 0 ? '' : 'sudo ';
}

export function sizeText(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.round(bytes / mebibyte)} MiB`;
}

function durationText(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  return seconds < 120
    ? `${seconds.toFixed(1)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} minutes`
      : `${Math.round(seconds / 3600)} hours`;
}
