import {execFile} from 'node:child_process';
import {mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import {promisify} from 'node:util';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import type {Transfer} from '../../../agent/driver.ts';
import {DriverError} from '../../../agent/driver.ts';
import {createImages} from '../../../agent/qemu/images.ts';
import {createMachineFolders} from '../../../agent/qemu/machine-folders.ts';
import {createMonitors} from '../../../agent/qemu/monitors.ts';
import {observeMachine} from '../../../agent/qemu/observe.ts';
import {createTransfer} from '../../../agent/qemu/transfer.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {exampleRecord} from './example-record.ts';
import {onQemu} from './fixture.ts';

const run = promisify(execFile);
const {signal} = new AbortController();
const {uid, installation} = exampleRecord;
const limits = {cpus: 1, memory: 2 ** 28, disk: 2 ** 24};

onQemu(({program}) => {
  async function setUp(t: ExecutionContext, free?: number) {
    const top = await mkdtemp(join(tmpdir(), 'nexus-transfer-'));
    t.teardown(async () => await rm(top, {recursive: true}));
    const machines = join(top, 'machines');
    await mkdir(machines);
    const folders = createMachineFolders({folder: machines, installation, log: silentLogger});
    const monitors = createMonitors(systemClock);
    t.teardown(async () => await monitors[Symbol.asyncDispose]());
    const transfer = createTransfer({
      folders,
      images: createImages(join(top, 'images')),
      installation,
      random: systemRandom,
      imageProgram: join(dirname(program), 'qemu-img'),
      look: async machine => (await observeMachine(machine, monitors)).instance,
      changing: async (_uid, work) => await work(),
      ...(free === undefined ? {} : {freeIn: async () => free}),
    });
    return {top, machines, folders, transfer};
  }

  /** What a node sends whose machine has these files, each made by `make` where it is not just content. */
  async function tarball(
    top: string,
    files: Readonly<Record<string, string | ((path: string) => Promise<void>)>>,
  ): Promise<Readable> {
    const folder = await mkdtemp(join(top, 'sent-'));
    for (const [name, file] of Object.entries(files)) {
      const path = join(folder, name);
      await (typeof file === 'string' ? writeFile(path, file) : file(path));
    }
    const {stdout} = await run(
      'tar',
      ['--create', '--sparse', '--directory', folder, ...Object.keys(files)],
      {
        encoding: 'buffer',
        maxBuffer: 2 ** 26,
      },
    );
    return Readable.from([stdout]);
  }

  const take = async (transfer: Transfer, content: Readable) =>
    await transfer.import(
      {uid, mark: 'm', attributes: {machine: JSON.stringify(exampleRecord)}, limits, content},
      signal,
    );
  const disk = (size: number) => async (path: string) => {
    await writeFile(path, 'work');
    await truncate(path, size);
  };
  const whole = {'disk.raw': disk(2 ** 23), vmlinuz: 'kernel', initrd: 'initrd'};

  test('a machine that arrives has the size that it may have, and what boots it with it', async t => {
    const {top, machines, folders, transfer} = await setUp(t);
    const made = await take(transfer, await tarball(top, whole));
    t.like(made, {uid, state: 'Stopped', limits, hasRun: true, incoming: {mark: 'm', complete: true}});
    const {folder, record} = await folders.need(uid);
    t.not(record.agentKey.privateKey, exampleRecord.agentKey.privateKey, 'the way in is this node’s alone');
    t.deepEqual((await readdir(folder)).sort(), ['boot', 'disk.qcow2', 'machine.json']);
    const {stdout} = await run('qemu-img', ['info', '--output', 'json', join(folder, 'disk.qcow2')]);
    t.like(JSON.parse(stdout), {'virtual-size': limits.disk, format: 'qcow2'});
    t.false(stdout.includes('backing'));

    const {attributes, content} = await transfer.export(uid, signal);
    const archive = await buffer(content);
    const again = {uid, mark: 'n', attributes, content: Readable.from([archive])};
    t.is((await transfer.import(again, signal)).incoming?.mark, 'n', 'what has moved moves on');
    t.deepEqual(await readdir(machines), [`nexus-${uid}`]);
  });

  for (const [what, files, code, message] of [
    [
      'whose disk leads to a file of the node',
      {...whole, 'disk.raw': (path: string) => symlink('/etc/passwd', path)},
      'Internal',
      /no machine of Nexus/,
    ],
    [
      'whose kernel is a folder',
      {...whole, vmlinuz: async (path: string) => void (await mkdir(path))},
      'Internal',
      /no machine of Nexus/,
    ],
    [
      'whose initrd would be more to read at each start than any is, be it empty',
      {...whole, initrd: disk(2 ** 31)},
      'Internal',
      /its initrd has 2 GiB, and may have 128 MiB/,
    ],
    ['without a kernel', {'disk.raw': disk(2 ** 23), initrd: 'initrd'}, 'Internal', /could not be unpacked/],
    [
      'whose disk is larger than it may be, be it empty',
      {...whole, 'disk.raw': disk(2 ** 40)},
      'NoSpace',
      /its disk has 1024 GiB, and it may have 16 MiB here/,
    ],
  ] as const) {
    test(`a machine ${what} is refused, and nothing of it is left`, async t => {
      const {top, machines, transfer} = await setUp(t);
      const error = await t.throwsAsync(take(transfer, await tarball(top, files)), {
        instanceOf: DriverError,
        message,
      });
      t.is(error?.code, code);
      t.deepEqual(await readdir(machines), []);
    });
  }

  test('a machine whose disk might fill the node is not exported, and nothing of it is left', async t => {
    const content = 8 * 2 ** 20;
    const spared = 64 * 2 ** 20;
    for (const [free, message] of [
      [content + spared, /takes up to .*, and 72 MiB are free on the node/],
      [content + spared + 2 ** 20, undefined],
    ] as const) {
      const {top, machines, transfer} = await setUp(t, free);
      const full = async (path: string) => await writeFile(path, Buffer.alloc(content, 1));
      await take(transfer, await tarball(top, {...whole, 'disk.raw': full}));
      if (message === undefined) {
        t.true((await buffer((await transfer.export(uid, signal)).content)).length > content);
      } else {
        const error = await t.throwsAsync(transfer.export(uid, signal), {instanceOf: DriverError, message});
        t.is(error?.code, 'NoSpace');
        t.deepEqual(await readdir(machines), [`nexus-${uid}`]);
      }
    }
  });

  test('other files that come along are not taken', async t => {
    const {top, folders, transfer} = await setUp(t);
    await take(transfer, await tarball(top, {...whole, 'machine.json': '{}', more: 'more'}));
    const {folder} = await folders.need(uid);
    t.false((await readdir(folder, {recursive: true})).includes('more'));
  });
});
