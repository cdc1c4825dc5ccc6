import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Readable} from 'node:stream';
import test from 'ava';
import {baseImageStates} from '../../agent/base-image.ts';
import {dockerKind} from '../../agent/docker/kind.ts';
import {lxdKind} from '../../agent/lxd/kind.ts';
import type {ProviderKind} from '../../agent/node-driver.ts';
import {qemuKind} from '../../agent/qemu/kind.ts';
import {createImageInbox} from '../../agent/system/image-inbox.ts';

const digests = {container: 'c'.repeat(64), machine: 'e'.repeat(64)};

async function bench() {
  const home = await mkdtemp(path.join(tmpdir(), 'nx-base-image-'));
  return {home, [Symbol.asyncDispose]: () => rm(home, {recursive: true, force: true})};
}

const driver = (kind: ProviderKind, present: boolean) => ({
  kind,
  driver: {imagePresent: async () => present},
});

/** As if it had been imported. */
async function imported(home: string, form: 'container' | 'machine'): Promise<void> {
  const inbox = createImageInbox(home, form);
  await inbox.receive({digest: digests[form], size: 1}, 0, Readable.from(['x'])).catch(() => {});
  await inbox.done(digests[form]);
}

test('only what the backends there are made of is asked for, each with its own', async t => {
  await using bed = await bench();
  const ask = async (drivers: Parameters<typeof baseImageStates>[0]) =>
    (await baseImageStates(drivers, {home: bed.home, digests})).map(({form, providers}) => [form, providers]);
  t.deepEqual(await ask([driver(lxdKind, true), driver(dockerKind, true)]), [
    ['container', ['lxc', 'docker']],
  ]);
  t.deepEqual(await ask([driver(qemuKind, true)]), [['machine', ['qemu']]]);
  t.deepEqual(await ask([driver(lxdKind, true), driver(qemuKind, true)]), [
    ['container', ['lxc']],
    ['machine', ['qemu']],
  ]);
});

test('one form that is missing leaves the other present', async t => {
  await using bed = await bench();
  await imported(bed.home, 'container');
  const drivers = [driver(lxdKind, true), driver(qemuKind, false)];
  t.deepEqual(
    (await baseImageStates(drivers, {home: bed.home, digests})).map(({present}) => present),
    [true, false],
  );
});

test('an image of another file is not the one asked about, and one that nothing is known of counts without a question', async t => {
  await using bed = await bench();
  await imported(bed.home, 'machine');
  const present = async (digest: string | undefined) =>
    (
      await baseImageStates([driver(qemuKind, true)], {
        home: bed.home,
        digests: digest === undefined ? {} : {machine: digest},
      })
    )[0]?.present;
  t.true(await present(digests.machine));
  t.false(await present(digests.container));
  t.true(await present(undefined));
});
