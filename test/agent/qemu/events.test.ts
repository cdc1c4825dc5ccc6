import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {machineEvents} from '../../../agent/qemu/events.ts';
import type {Machine, MachineFolders} from '../../../agent/qemu/machine-folders.ts';
import {createMonitors} from '../../../agent/qemu/monitors.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import {exampleRecord} from './example-record.ts';

const unused = async () => {
  throw new Error('nobody asks for this');
};

/** How many folders are watched, once what was closed has had its turns of the event loop to be gone. */
async function watched(): Promise<number> {
  await createManualClock().settle();
  return process.getActiveResourcesInfo().filter(each => each === 'FSEventWrap').length;
}

/** A reader of events whose first look at all machines goes on until it is let go. */
async function startReading(t: ExecutionContext, signal: AbortSignal) {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-events-'));
  t.teardown(async () => await rm(folder, {recursive: true}));
  const listed = Promise.withResolvers<readonly Machine[]>();
  const asked = Promise.withResolvers<void>();
  const clock = createManualClock();
  const folders: MachineFolders = {
    async list() {
      asked.resolve();
      return await listed.promise;
    },
    find: unused,
    need: unused,
    add: unused,
    change: unused,
    rename: unused,
    remove: unused,
    scratch: unused,
    sweep: unused,
  };
  const events = machineEvents(
    {
      folder,
      folders,
      monitors: createMonitors(clock),
      look: unused,
      onOwnChange: () => ({[Symbol.dispose]() {}}),
      clock,
    },
    signal,
  )[Symbol.asyncIterator]();
  await events.next();
  await asked.promise;
  return {events, letGo: () => listed.resolve([{name: 'machine', folder, record: exampleRecord}])};
}

test.serial(
  'nothing is watched any more once the signal has ended the events, though a look at all machines went on',
  async t => {
    const ending = new AbortController();
    const {events, letGo} = await startReading(t, ending.signal);
    const next = events.next();
    ending.abort();
    letGo();
    t.true((await next).done);
    t.is(await watched(), 0);
  },
);

test.serial('nothing is watched any more once a reader has left without a signal', async t => {
  const {events, letGo} = await startReading(t, new AbortController().signal);
  const left = events.return?.();
  letGo();
  await left;
  t.is(await watched(), 0);
});
