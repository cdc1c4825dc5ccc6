import {createHash, randomBytes} from 'node:crypto';
import {mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import test from 'ava';
import {systemRandom} from '../../../api/effects/random.ts';
import {BundleStoreFull} from '../../../api/storage/bundle-store.ts';
import {createFsBundleStore} from '../../../api/storage/fs-bundle-store.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

async function openStore(capacity?: number) {
  const parent = await mkdtemp(join(tmpdir(), 'nexus-bundles-'));
  const directory = join(parent, 'bundles');
  const clock = createManualClock();
  return {
    directory,
    clock,
    store: createFsBundleStore({
      directory,
      clock,
      random: systemRandom,
      ...(capacity === undefined ? {} : {capacity}),
    }),
    files: () => readdir(directory).catch(() => []),
    [Symbol.asyncDispose]: () => rm(parent, {recursive: true}),
  };
}

const content = randomBytes(200_000);
const digest = createHash('sha256').update(content).digest('hex');

test('what was put is found, opened, listed and deleted', async t => {
  await using opened = await openStore();
  const {store} = opened;
  t.deepEqual(await store.list(), []);
  t.false(await store.has(digest));
  await store.put(digest, Readable.from([content.subarray(0, 7), content.subarray(7)]), 1e6);
  t.true(await store.has(digest));
  const {size, content: stream} = await store.open(digest);
  t.is(size, content.length);
  t.true(content.equals(await buffer(stream)));
  t.deepEqual(
    (await store.list()).map(bundle => bundle.digest),
    [digest],
  );
  t.is((await stat(join(opened.directory, digest))).mode & 0o777, 0o600);
  await store.delete(digest);
  await store.delete(digest);
  await t.throwsAsync(store.open(digest), {code: 'NotFound'});
});

test('what is asked for counts as stored then', async t => {
  await using opened = await openStore();
  const {store, clock} = opened;
  await store.put(digest, Readable.from([content]), 1e6);
  t.deepEqual(await store.list(), [{digest, storedAt: clock.now()}]);
  await clock.advance(60_000);
  t.true(await store.has(digest));
  t.deepEqual(await store.list(), [{digest, storedAt: clock.now()}]);
});

test('what has no room is refused, also while it is received, and has room once others are gone', async t => {
  await using opened = await openStore(content.length + 10);
  const {store} = opened;
  await store.put(digest, Readable.from([content]), 1e6);
  const other = Buffer.alloc(11);
  const otherDigest = createHash('sha256').update(other).digest('hex');
  await t.throwsAsync(store.put(otherDigest, Readable.from([other]), 1e6), {instanceOf: BundleStoreFull});
  t.deepEqual(await opened.files(), [digest]);
  await store.delete(digest);
  await store.put(otherDigest, Readable.from([other]), 1e6);
  t.deepEqual(await opened.files(), [otherDigest]);
});

test('what was left half received takes no room for ever', async t => {
  await using opened = await openStore(content.length);
  const {store, clock, directory} = opened;
  await mkdir(directory);
  const part = join(directory, '.part-x');
  await writeFile(part, 'half');
  const written = clock.now() / 1000;
  await utimes(part, written, written);
  await t.throwsAsync(store.put(digest, Readable.from([content]), 1e6), {instanceOf: BundleStoreFull});
  await clock.advance(24 * 3_600_000);
  await store.put(digest, Readable.from([content]), 1e6);
  t.deepEqual(await opened.files(), [digest]);
});

test('two who put the same at once both succeed', async t => {
  await using opened = await openStore();
  await Promise.all([1, 2, 3].map(() => opened.store.put(digest, Readable.from([content]), 1e6)));
  t.deepEqual(await opened.files(), [digest]);
});

test('what is cut off, too long or something else leaves nothing behind', async t => {
  await using opened = await openStore();
  const cutOff = Readable.from(
    (async function* () {
      yield content.subarray(0, 10);
      throw new Error('connection lost');
    })(),
  );
  await t.throwsAsync(opened.store.put(digest, cutOff, 1e6), {message: 'connection lost'});
  await t.throwsAsync(opened.store.put(digest, Readable.from([content]), 100), {
    code: 'Invalid',
    message: /larger than 100/,
  });
  await t.throwsAsync(opened.store.put(digest, Readable.from(['x']), 100), {
    code: 'Invalid',
    message: /SHA-256 is/,
  });
  t.deepEqual(await opened.files(), []);
});

test('a name that is no digest reaches no file', async t => {
  await using opened = await openStore();
  for (const name of ['', '..', '../x', 'a'.repeat(63), 'A'.repeat(64)]) {
    await t.throwsAsync(opened.store.has(name), {code: 'Invalid'});
    await t.throwsAsync(opened.store.put(name, Readable.from(['x']), 10), {code: 'Invalid'});
    await t.throwsAsync(opened.store.delete(name), {code: 'Invalid'});
  }
});
