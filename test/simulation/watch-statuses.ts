import {isDeepStrictEqual} from 'node:util';
import {heartbeatDeadline} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Storage} from '../../api/storage/storage.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {InstanceHistory} from './instance-history.ts';
import {Violation} from './violation.ts';

export type StatusWatchOptions = {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly history: InstanceHistory;
  /** When a node was last heard; milliseconds since 1970. */
  readonly heardAt: (node: string) => number;
  readonly report: (violation: Violation) => void;
  readonly signal: AbortSignal;
};

/** Milliseconds that an observation may be dated after the fact, since looking takes time. */
const slack = 100;

/** Holds every status, as it is written, against what was really so when it says it was observed; and ports against each other. */
export function watchStatuses(options: StatusWatchOptions): void {
  const {storage, report, signal} = options;
  const last = new Map<string, Stored<'Workspace'>>();
  const follow = async () => {
    for await (const event of storage.watch('Workspace', {signal})) {
      if (event.type === 'BOOKMARK') {
        continue;
      }

      const {object} = event;
      const {name} = object.metadata;
      if (event.type === 'DELETED') {
        last.delete(name);
        continue;
      }

      const previous = last.get(name);
      last.set(name, object);
      if (!isDeepStrictEqual(previous?.status, object.status)) {
        for (const fault of faultsOf(object, options)) {
          report(new Violation('StatusIsObserved', `${name}: ${fault}`));
        }

        checkPorts(last.values(), report);
      }
    }
  };
  void follow();
}

function faultsOf(
  {metadata, status}: Stored<'Workspace'>,
  {clock, history, heardAt}: StatusWatchOptions,
): string[] {
  const now = clock.now();
  const faults: string[] = [];
  const instance = status?.instance;
  for (const [what, time] of [
    ['status', status?.observedAt],
    ['instance', instance?.observedAt],
    ['repository', status?.repo?.observedAt],
  ] as const) {
    if (time !== undefined && Date.parse(time) > now) {
      faults.push(`its ${what} was observed at ${time}, which is yet to come`);
    }
  }

  if (instance !== undefined) {
    const time = Date.parse(instance.observedAt);
    if (instance.state !== 'Creating' && !history.wasIn(metadata.uid, instance.state, {time, slack})) {
      faults.push(`its instance is said to be ${instance.state} at ${instance.observedAt}, and was not`);
    }
  }

  if (status?.phase === 'Running') {
    const silence = now - heardAt(status.node ?? '');
    if (silence > heartbeatDeadline) {
      faults.push(`it is called Running though ${status.node} has been silent for ${silence} ms`);
    }
  }

  return faults;
}

function checkPorts(workspaces: Iterable<Stored<'Workspace'>>, report: (violation: Violation) => void): void {
  const holders = new Map<string, string>();
  for (const {metadata, status} of workspaces) {
    for (const {nodePort} of status?.ports ?? []) {
      const port = `${status?.node}:${nodePort}`;
      const holder = holders.get(port);
      if (holder !== undefined) {
        report(new Violation('PortLeasedOnce', `${port} is leased to ${holder} and to ${metadata.name}`));
      }

      holders.set(port, metadata.name);
    }
  }
}
