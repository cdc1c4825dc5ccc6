import type {FSWatcher} from 'node:fs';
import {watch} from 'node:fs';
import type {Clock} from '../../api/effects/clock.ts';
import type {DriverEvent, DriverInstance} from '../driver.ts';
import {createMergedEvents} from '../merged-events.ts';
import type {Machine, MachineFolders} from './machine-folders.ts';
import {makePrivateFolder} from './machine-folders.ts';
import type {Monitors} from './monitors.ts';
import {machineFiles} from './paths.ts';

export type EventsOptions = {
  /** Of all machines. */
  readonly folder: string;
  readonly folders: MachineFolders;
  readonly monitors: Monitors;
  readonly look: (machine: Machine) => Promise<DriverInstance>;
  /** Told of what the driver itself does. */
  readonly onOwnChange: (listener: (uid: string) => void) => Disposable;
  readonly clock: Clock;
};

/** Files that come, go or change when something happens to a machine. */
const telling: ReadonlySet<string> = new Set([
  machineFiles.record,
  machineFiles.started,
  machineFiles.monitor,
  machineFiles.processId,
]);

/** Milliseconds between looks at all machines, which find what nobody tells of: a process that somebody has stopped by a signal. */
const lookInterval = 500;

/**
 * Changes of machines, by whomever: QEMU's own events, the end of its connection, and the folders on disk. What is not taken in time is merged, so
 * a slow reader holds at most one event a machine.
 */
export async function* machineEvents(
  options: EventsOptions,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  const {folder, folders, monitors, look, onOwnChange, clock} = options;
  const {tell, events} = createMergedEvents(signal);
  await makePrivateFolder(folder);
  const seen = new Map<string, {readonly instance: DriverInstance; readonly print: string}>();
  /** Folders in which something has happened since they were last looked at. */
  const touched = new Set<string>();
  const watchers = new Map<string, FSWatcher>();
  let lookSoon = Promise.withResolvers<void>();
  /** Its reader may leave without the signal. */
  const leaving = new AbortController();
  const ended = AbortSignal.any([signal, leaving.signal]);
  const watchFolder = (path: string, concerns: (file: string | null) => boolean) => {
    const watcher = watch(path, (_event, file) => {
      if (!concerns(file)) return;
      touched.add(path);
      lookSoon.resolve();
    });
    watcher.on('error', () => {});
    return watcher;
  };

  const lookAtAll = async () => {
    const machines = await folders.list();
    const present = new Map(machines.map(machine => [machine.record.uid, machine]));
    for (const [uid, machine] of present) {
      const {folder: path} = machine;
      if (!watchers.has(path)) {
        touched.add(path);
        watchers.set(
          path,
          watchFolder(path, file => file === null || telling.has(file)),
        );
      }
      const before = seen.get(uid);
      // Nothing begins without a file in its folder, and to look for a process where there is none takes a while.
      const isAsBefore = !touched.delete(path) && before?.instance.state === 'Stopped';
      const instance = isAsBefore ? before.instance : await look(machine);
      const print = JSON.stringify([machine.name, instance]);
      if (before?.print !== print) tell(uid);
      seen.set(uid, {instance, print});
    }
    for (const uid of seen.keys()) {
      if (present.has(uid)) continue;
      seen.delete(uid);
      tell(uid);
    }
    const paths = new Set(machines.map(({folder: path}) => path));
    for (const [path, watcher] of watchers) {
      if (paths.has(path)) continue;
      watcher.close();
      watchers.delete(path);
    }
  };

  const keepLooking = async () => {
    while (!ended.aborted) {
      lookSoon = Promise.withResolvers<void>();
      await lookAtAll().catch(() => {});
      await Promise.race([lookSoon.promise, clock.sleep(lookInterval, ended).catch(() => {})]);
    }
  };

  using _own = onOwnChange(tell);
  using _monitors = monitors.onChange(tell);
  const root = watchFolder(folder, () => true);
  const looking = keepLooking();
  try {
    yield* events();
  } finally {
    leaving.abort();
    root.close();
    // A look that goes on may begin to watch one more.
    await looking;
    for (const watcher of watchers.values()) watcher.close();
  }
}
