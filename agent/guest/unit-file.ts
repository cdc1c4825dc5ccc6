import type {ServiceUnit, UnitExit, UnitStatus} from '../services/service-host.ts';

const prefix = 'workspace-';

/** The systemd unit of a service. It does not restart by itself: the agent does, with back-off, and tells. */
export function unitFile({name, hash, directory}: Pick<ServiceUnit, 'name' | 'hash' | 'directory'>): string {
  return `[Unit]
Description=${name} ${hash}
StartLimitIntervalSec=0

[Service]
Type=exec
User=dev
WorkingDirectory=${directory}
ExecStart=/bin/bash /run/nexus/run-service ${name}
ExecStopPost=-+/bin/bash /run/nexus/record-exit ${name} ${hash}
KillMode=control-group
TimeoutStopSec=10
SyslogIdentifier=${name}
`;
}

/** Of `name hash invocation result code status`, as ExecStopPost writes it. */
export function parseExit(line: string): (UnitExit & {readonly hash: string}) | undefined {
  const [name, hash, invocation, result = '', code = '', status = ''] = line.split(' ');
  if (name === undefined || hash === undefined || invocation === undefined || result === '') {
    return undefined;
  }
  if (code === 'exited' && !/^\d{1,3}$/.test(status)) {
    return undefined;
  }
  const exitCode = code === 'exited' ? Number(status) : 128 + (signals[status] ?? 0);
  return {name, hash, invocation, exitCode, message: describeExit(result, {code, status})};
}

function describeExit(result: string, {code, status}: {code: string; status: string}): string {
  if (result === 'oom-kill') {
    return 'ran out of memory and was killed';
  }
  if (code === 'exited') {
    return status === '200' ? 'its directory is missing' : `exited with code ${status}`;
  }
  return code === '' ? `could not be started (${result})` : `was killed by SIG${status}`;
}

/** Of what `list_units` prints: systemctl's blocks, `--`, and the exits so far. Exited units are told once, with their last exit. */
export function parseUnits(output: string): readonly UnitStatus[] {
  const [blocks = '', history = ''] = splitOnce(output, /^--$/m);
  const exits = new Map<string, UnitStatus>();
  for (const line of history.split('\n')) {
    const exit = parseExit(line);
    if (exit !== undefined) {
      const {hash, ...rest} = exit;
      exits.set(exit.name, {name: exit.name, hash, invocation: exit.invocation, exit: rest});
    }
  }
  return blocks.split(/\n\s*\n/).flatMap((block): readonly UnitStatus[] => {
    const fields = new Map(block.split('\n').map(line => splitOnce(line, /=/)));
    const [name, hash = ''] = (fields.get('Description') ?? '').split(' ');
    const invocation = fields.get('InvocationID') ?? '';
    if (name === undefined || fields.get('Id') !== `${prefix}${name}.service`) {
      return [];
    }
    const pid = pidOf(fields.get('MainPID'));
    if (['active', 'activating', 'reloading'].includes(fields.get('ActiveState') ?? '') && pid > 0) {
      return [{name, hash, invocation, pid}];
    }
    const exited = exits.get(name);
    return exited === undefined ? [] : [exited];
  });
}

/** Of `systemctl show -p MainPID,InvocationID`. */
export function parseStarted(output: string): {invocation: string; pid?: number} {
  const pid = pidOf(/^MainPID=(\d+)$/m.exec(output)?.[1]);
  const invocation = /^InvocationID=([0-9a-f]+)$/m.exec(output)?.[1] ?? '';
  return {invocation, ...(pid > 0 ? {pid} : {})};
}

/** 0 for none. Linux has them up to 2^22. */
function pidOf(text = ''): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

function splitOnce(text: string, separator: RegExp): [string, string] {
  const match = separator.exec(text);
  return match === null
    ? [text, '']
    : [text.slice(0, match.index), text.slice(match.index + match[0].length)];
}

/** Numbers of the signals that systemd names in EXIT_STATUS, on every architecture that we run on. */
const signals: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  XCPU: 24,
  SYS: 31,
};
