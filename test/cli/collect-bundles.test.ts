import {createHash} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import test from 'ava';
import {silentLogger} from '../../api/effects/logger.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {createFsBundleStore} from '../../api/storage/fs-bundle-store.ts';
import {openSqliteStorage} from '../../api/storage/sqlite/sqlite-storage.ts';
import {collectBundles} from '../../cli/server/collect-bundles.ts';
import {workspaceNamed} from '../api/server/test-server.ts';
import {createManualClock} from '../fakes/manual-clock.ts';

const hour = 3_600_000;

async function openCollection() {
  const stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'nexus-bundles-'));
  stack.defer(() => rm(directory, {recursive: true}));
  const clock = createManualClock();
  const storage = stack.use(await openSqliteStorage({path: ':memory:', clock, random: systemRandom}));
  const bundles = createFsBundleStore({directory, clock, random: systemRandom});
  const stopping = new AbortController();
  stack.defer(() => stopping.abort());
  return {
    clock,
    storage,
    bundles,
    stopping,
    start: (failing?: () => void) =>
      collectBundles(
        {
          storage,
          bundles: {
            ...bundles,
            async list() {
              failing?.();
              return bundles.list();
            },
          },
          clock,
          log: silentLogger,
        },
        stopping.signal,
      ),
    async put(text: string) {
      const digest = createHash('sha256').update(text).digest('hex');
      await bundles.put(digest, Readable.from([Buffer.from(text)]), 100);
      return digest;
    },
    /** Time passes; then lets the disk do what the collection asked of it. */
    async until(condition: () => Promise<boolean>, limit: number) {
      for (let passed = 0; passed <= limit; passed += hour) {
        if (await condition()) return true;
        await clock.advance(hour);
      }

      return condition();
    },
    digests: async () => (await bundles.list()).map(({digest}) => digest).toSorted(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('a bundle goes a day after it was stored, unless a workspace names it', async t => {
  await using opened = await openCollection();
  const {storage, clock} = opened;
  const named = await opened.put('named');
  const unnamed = await opened.put('unnamed');
  const repo = {name: 'shop', owner: 'ada', bundle: {digest: named, commit: 'a'.repeat(40)}};
  await storage.create('Workspace', workspaceNamed('shop', {owner: 'ada', repo}));
  const stored = clock.now();
  const running = opened.start();
  t.true(await opened.until(async () => !(await opened.digests()).includes(unnamed), 48 * hour));
  t.true(clock.now() - stored > 24 * hour);
  t.deepEqual(await opened.digests(), [named]);

  await storage.delete('Workspace', 'shop');
  t.true(await opened.until(async () => (await opened.digests()).length === 0, 48 * hour));
  opened.stopping.abort();
  await running;
});

test('a collection that fails is done again', async t => {
  await using opened = await openCollection();
  await opened.put('unnamed');
  let failures = 0;
  const running = opened.start(() => {
    if (failures < 30) {
      failures += 1;
      throw new Error('the disk is away');
    }
  });
  t.true(await opened.until(async () => (await opened.digests()).length === 0, 72 * hour));
  t.is(failures, 30);
  opened.stopping.abort();
  await running;
});
