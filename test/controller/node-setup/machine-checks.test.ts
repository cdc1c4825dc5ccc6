import test from 'ava';
import {
  checkClock,
  checkDisk,
  checkProviders,
  checkShell,
} from '../../../controller/node-setup/machine-checks.ts';
import type {MachineReport} from '../../../controller/node-setup/machine-report.ts';
import {StepError} from '../../../controller/node-setup/steps.ts';

const gibibyte = 2 ** 30;

function machine(changes: Partial<MachineReport> = {}): MachineReport {
  return {
    user: 'ops',
    uid: 1000,
    home: '/home/ops',
    homeWritable: true,
    kernel: 'Linux',
    architecture: 'x86_64',
    system: 'Debian GNU/Linux 12 (bookworm)',
    free: 10 * gibibyte,
    sockets: [{backend: 'incus', path: '/var/lib/incus/unix.socket', open: true}],
    qemu: undefined,
    kvm: 'none',
    programs: [],
    time: 0,
    timePrecision: 1,
    ...changes,
  };
}

function failure(check: () => unknown): {code: string; message: string; cure: string} {
  try {
    check();
  } catch (error) {
    if (error instanceof StepError) {
      return {code: error.code, message: error.message, cure: error.cure.join('\n')};
    }
    throw error;
  }
  throw new Error('it did not fail');
}

test('a shell that says something of its own before a program does is refused, with where to look', t => {
  t.is(checkShell('', machine()).outcome, 'ok');
  const {code, message, cure} = failure(() => checkShell('Welcome!\n', machine()));
  t.is(code, 'ShellUnusable');
  t.regex(message, /prints "Welcome!" before/);
  t.regex(cure, /\/home\/ops\/\.bashrc/);
});

test('a machine that is no Linux, or a home that can not be written, is refused', t => {
  t.regex(failure(() => checkShell('', machine({kernel: 'Darwin'}))).message, /runs Darwin/);
  t.regex(failure(() => checkShell('', machine({homeWritable: false}))).cure, /chown ops: \/home\/ops/);
});

for (const [free, outcome] of [
  [10 * gibibyte, 'ok'],
  [gibibyte, 'warning'],
  [undefined, 'warning'],
] as const) {
  test(`${free ?? 'an unknown number of'} bytes free are ${outcome}`, t => {
    t.is(checkDisk(machine({free})).outcome, outcome);
  });
}

test('a disk that the agent does not fit on is refused with what takes it', t => {
  const {code, message, cure} = failure(() => checkDisk(machine({free: 100 * 2 ** 20})));
  t.is(code, 'DiskFull');
  t.regex(message, /^100 MiB free in \/home\/ops; .* need 400 MiB$/);
  t.regex(cure, /du -xh/);
});

const reading = {asked: 1_000_000, answered: 1_001_000};
for (const [time, expected] of [
  [1_000_500, /agrees/],
  [1_002_500, /agrees/],
  [1_010_001, /9\.0 s ahead of/],
  [995_001, /5\.0 s behind/],
] as const) {
  test(`a clock at ${time} that was read between 1000000 and 1001000: ${expected.source}`, t => {
    const {message, outcome} = checkClock(machine({time}), reading);
    t.regex(message, expected);
    t.is(outcome, expected.source === 'agrees' ? 'ok' : 'warning');
  });
}

test('a clock that is off by an hour is refused with how to set it', t => {
  const {code, message, cure} = failure(() => checkClock(machine({time: 1_000_000 - 3_600_000}), reading));
  t.is(code, 'ClockOff');
  t.regex(message, /60 minutes behind the server's/);
  t.regex(cure, /timedatectl set-ntp true/);
});

test('seconds are not taken for more exact than they are', t => {
  const coarse = machine({time: 999_500 - 1800, timePrecision: 500});
  t.is(checkClock(coarse, reading).outcome, 'ok');
});

test('a clock that could not be read is no failure', t => {
  t.is(checkClock(machine({time: undefined}), reading).outcome, 'warning');
});

test('all that can run workspaces is found', t => {
  const {value, message} = checkProviders(
    machine({
      sockets: [
        {backend: 'lxd', path: '/var/lib/lxd/unix.socket', open: true},
        {backend: 'docker', path: '/run/docker.sock', open: true},
      ],
      qemu: '/usr/bin/qemu-system-x86_64',
      kvm: 'closed',
    }),
  );
  t.deepEqual(value, ['lxc', 'docker', 'qemu']);
  t.is(message, 'LXD at /var/lib/lxd/unix.socket, Docker at /run/docker.sock, QEMU without KVM, so slow');
});

test('one that the user may not use is told with the group, and is no failure while there is another', t => {
  const closed = {backend: 'docker', path: '/run/docker.sock', open: false, group: 'docker'} as const;
  const both = checkProviders(machine({sockets: [...machine().sockets, closed]}));
  t.deepEqual(both.value, ['lxc']);
  t.regex(both.cure?.join('\n') ?? '', /usermod --append --groups docker ops/);
  const {code, message, cure} = failure(() => checkProviders(machine({sockets: [closed]})));
  t.is(code, 'NoProvider');
  t.is(message, 'Docker is there, but ops may not use /run/docker.sock');
  t.regex(cure, /usermod --append --groups docker ops/);
});

test('a socket that only root may use is opened by the usual group', t => {
  const sockets = [{backend: 'incus', path: '/s', open: false, group: 'root'}] as const;
  t.regex(failure(() => checkProviders(machine({sockets}))).cure, /--groups incus-admin ops/);
});

test('one that is installed and does not run is to be started', t => {
  const {message, cure} = failure(() =>
    checkProviders(machine({sockets: [], programs: ['incus', 'incusd']})),
  );
  t.is(message, 'incusd: installed there, but not running');
  t.regex(cure, /sudo systemctl enable --now incus$/);
});

test('where there is nothing, what to install is said, as the user would have to type it', t => {
  const user = failure(() => checkProviders(machine({sockets: []})));
  t.is(user.code, 'NoProvider');
  t.regex(user.cure, /sudo apt-get install --yes incus/);
  t.regex(user.cure, /sudo usermod .* incus-admin ops/);
  const root = failure(() => checkProviders(machine({sockets: [], user: 'root', uid: 0})));
  t.notRegex(root.cure, /sudo/);
});
