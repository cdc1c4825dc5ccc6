import {cp, mkdir, mkdtemp, readdir, rename, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {DriverError} from '../../../agent/driver.ts';
import type {MachineFolders} from '../../../agent/qemu/machine-folders.ts';
import {createMachineFolders} from '../../../agent/qemu/machine-folders.ts';
import {machineFiles} from '../../../agent/qemu/paths.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {exampleRecord} from './example-record.ts';

const {uid, installation} = exampleRecord;
const name = `nexus-${uid}`;

async function setUp(t: ExecutionContext): Promise<{folder: string; folders: MachineFolders}> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-machines-'));
  t.teardown(async () => await rm(folder, {recursive: true}));
  return {folder, folders: createMachineFolders({folder, installation, log: silentLogger})};
}

async function fill(making: string) {
  await writeFile(join(making, machineFiles.disk), 'disk');
  return exampleRecord;
}

test('a machine is there whole or not at all', async t => {
  const {folder, folders} = await setUp(t);
  await t.throwsAsync(
    folders.add(uid, async making => {
      await fill(making);
      throw new Error('cut off');
    }),
  );
  t.deepEqual(await folders.list(), []);
  t.deepEqual(await readdir(folder), []);
  await folders.add(uid, fill);
  t.is((await folders.find(uid))?.name, name);
  t.deepEqual(await readdir(folder), [name]);
});

test('one that was renamed is found, its copy is not, and the original goes back to its name', async t => {
  const {folder, folders} = await setUp(t);
  await folders.add(uid, fill);
  await rename(join(folder, name), join(folder, 'renamed'));
  await cp(join(folder, 'renamed'), join(folder, 'copied'), {recursive: true});
  t.deepEqual(
    (await folders.list()).map(each => each.name),
    ['renamed'],
  );
  await folders.rename(await folders.need(uid));
  t.is((await folders.find(uid))?.name, name);
});

test('all of them may be moved to another disk', async t => {
  const {folder, folders} = await setUp(t);
  await folders.add(uid, fill);
  const moved = join(folder, 'elsewhere');
  await cp(join(folder, name), join(moved, name), {recursive: true});
  const there = createMachineFolders({folder: moved, installation, log: silentLogger});
  t.is((await there.find(uid))?.name, name);
});

test('those of another installation, and what can not be read, are not seen', async t => {
  const {folder, folders} = await setUp(t);
  await folders.add(uid, fill);
  const others = createMachineFolders({folder, installation: '123456', log: silentLogger});
  t.deepEqual(await others.list(), []);
  await mkdir(join(folder, 'broken'));
  await writeFile(join(folder, 'broken', machineFiles.record), '{"version": 1');
  t.is((await folders.list()).length, 1);
});

test("a name that is somebody else's is not taken", async t => {
  const {folder, folders} = await setUp(t);
  await mkdir(join(folder, name));
  const error = await t.throwsAsync(folders.add(uid, fill), {instanceOf: DriverError});
  t.is(error?.code, 'NotPermittedNow');
  t.deepEqual(await readdir(folder), [name]);
});

test('a change of its record is whole, and a removal leaves nothing', async t => {
  const {folder, folders} = await setUp(t);
  const machine = await folders.add(uid, fill);
  const retired = {at: '2026-11-20T10:00:00.000Z', until: '2026-11-27T10:00:00.000Z'};
  await folders.change(uid, record => ({...record, retired}));
  t.deepEqual((await folders.find(uid))?.record.retired, retired);
  await folders.remove(machine);
  await folders.remove(machine);
  t.deepEqual(await readdir(folder), []);
  const error = await t.throwsAsync(folders.need(uid), {instanceOf: DriverError});
  t.is(error?.code, 'NotFound');
});

test('what an agent has left half done when it was killed is removed by the next, and what is being done is not', async t => {
  const {folder, folders} = await setUp(t);
  await mkdir(join(folder, '.half-nexus-other'));
  const scratch = await folders.scratch();
  await folders.add(uid, async making => {
    const record = await fill(making);
    await folders.sweep();
    return record;
  });
  t.deepEqual(await readdir(folder), [basename(scratch.folder), name]);
  await scratch.remove();
  t.deepEqual(await readdir(folder), [name]);
});
