/** Where a container backend is spoken to, and whether the login user may. */
export type FoundSocket = {
  /** `container` where the agent's configuration names the socket. */
  readonly backend: 'incus' | 'lxd' | 'docker' | 'container';
  readonly path: string;
  readonly open: boolean;
  /** Who else may, when it is not open. */
  readonly group?: string;
};

/** What `scripts/probe.sh` has seen. */
export type MachineReport = {
  readonly user: string;
  readonly uid: number;
  readonly home: string;
  readonly homeWritable: boolean;
  readonly kernel: string;
  readonly architecture: string;
  /** As /etc/os-release has it; empty when it has none. */
  readonly system: string;
  /** Bytes below the home; undefined when `df` could not say. */
  readonly free: number | undefined;
  readonly sockets: readonly FoundSocket[];
  /** Path of QEMU's program, where it can be used. */
  readonly qemu: string | undefined;
  readonly kvm: 'open' | 'closed' | 'none';
  /** Programs of backends that are installed, running or not. */
  readonly programs: readonly string[];
  /** Milliseconds since 1970 by its clock, and how exact that is. */
  readonly time: number | undefined;
  readonly timePrecision: number;
};

/** `before`: what the shell said of its own accord, ahead of the program. */
export type ParsedReport =
  | {readonly type: 'Report'; readonly before: string; readonly report: MachineReport}
  | {readonly type: 'Unreadable'; readonly said: string};

const firstLine = 'nexus-probe 1\n';

/** Pure. */
export function parseReport(stdout: string): ParsedReport {
  const start = stdout.indexOf(firstLine);
  if (start < 0) {
    return {type: 'Unreadable', said: stdout.trim()};
  }
  const facts = stdout
    .slice(start + firstLine.length)
    .split('\n')
    .map(line => ({name: line.split(' ', 1)[0] ?? '', value: line.slice(line.indexOf(' ') + 1)}));
  const all = (name: string) => facts.filter(fact => fact.name === name).map(({value}) => value);
  const one = (name: string) => all(name)[0] ?? '';
  const [seconds = '', fraction = ''] = one('time').split('.');
  const exact = /^\d{9}$/.test(fraction);
  return {
    type: 'Report',
    before: stdout.slice(0, start),
    report: {
      user: one('user'),
      uid: Number(one('uid')),
      home: one('home'),
      homeWritable: one('writable') === 'yes',
      kernel: one('kernel'),
      architecture: one('machine'),
      system: one('system'),
      free: freeOf(one('free')),
      sockets: all('socket').flatMap(parseSocket),
      qemu: one('qemu') || undefined,
      kvm: one('kvm') === 'open' ? 'open' : one('kvm') === 'closed' ? 'closed' : 'none',
      programs: all('program'),
      time: /^\d+$/.test(seconds)
        ? Number(seconds) * 1000 + (exact ? Number(fraction) / 1e6 : 500)
        : undefined,
      timePrecision: exact ? 1 : 500,
    },
  };
}

/** A line of `df -P`: device, blocks of 1 KiB, used, available, percentage, mount point. */
function freeOf(line: string): number | undefined {
  const available = /\s(\d+)\s+\d+%/.exec(line)?.[1];
  return available === undefined ? undefined : Number(available) * 1024;
}

function parseSocket(value: string): FoundSocket[] {
  const [backend, access, path = '', , group] = value.split(' ');
  if (backend !== 'incus' && backend !== 'lxd' && backend !== 'docker' && backend !== 'container') {
    return [];
  }
  const open = access === 'open';
  return [{backend, path, open, ...(open || group === undefined ? {} : {group})}];
}
