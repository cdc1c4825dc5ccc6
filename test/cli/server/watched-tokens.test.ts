import test from 'ava';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {createTokens} from '../../../api/server/tokens.ts';
import {openSqliteStorage} from '../../../api/storage/sqlite/sqlite-storage.ts';
import type {Storage} from '../../../api/storage/storage.ts';
import {apiVersion} from '../../../api/v1alpha1/metadata.ts';
import {createWatchedTokens} from '../../../cli/server/watched-tokens.ts';
import {createCaches} from '../../../controller/caches.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

/** One server of two on a store: it has the tokens watched, and the other one just writes. */
async function setUp() {
  const clock = createManualClock();
  const random = systemRandom;
  const storage = await openSqliteStorage({path: ':memory:', clock, random});
  await storage.create('User', {
    apiVersion,
    kind: 'User',
    metadata: {name: 'ada'},
    spec: {role: 'user', sshKeys: []},
  });
  const world = {looks: 0, heard: true, deaf: false};
  const counted: Storage = {
    ...storage,
    async list(...request) {
      world.looks += 1;
      return await storage.list(...request);
    },
    async get(...request) {
      world.looks += 1;
      return await storage.get(...request);
    },
    async *watch(kind, options) {
      for await (const event of storage.watch(kind, options)) {
        if (!world.deaf) {
          yield event;
        }
      }
    },
  };
  const parts = {storage: counted, clock, random, log: silentLogger};
  const caches = createCaches(parts);
  const cache = createWatchedTokens({...parts, caches, isHeard: () => world.heard});
  const stopping = new AbortController();
  const running = Promise.all([caches.run(stopping.signal), cache.run(stopping.signal)]);
  await clock.settle();
  return {
    world,
    clock,
    storage,
    tokens: createTokens({storage: counted, clock, random, cache}),
    other: createTokens({storage, clock, random}),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
      await storage[Symbol.asyncDispose]();
    },
  };
}

test('who asks again and again costs no look into the store', async t => {
  await using s = await setUp();
  const {token} = await s.other.create({user: 'ada', description: 'x'});
  await s.clock.settle();
  s.world.looks = 0;
  for (let request = 0; request < 100; request += 1) {
    t.deepEqual((await s.tokens.identify(token))?.caller, {name: 'ada', role: 'user'});
  }

  t.is(s.world.looks, 0);
});

test('a token that another server has just given out is known at once, and one that nobody has given out is not', async t => {
  await using s = await setUp();
  s.world.deaf = true;
  const {token} = await s.other.create({user: 'ada', description: 'x'});
  t.is((await s.tokens.identify(token))?.caller.name, 'ada');
  t.is(await s.tokens.identify(`${token}x`), undefined);
});

test('a token that is deleted here is refused at once, even before the watch says so', async t => {
  await using s = await setUp();
  const {token, stored} = await s.tokens.create({user: 'ada', description: 'x'});
  await s.clock.settle();
  s.world.deaf = true;
  t.truthy(await s.tokens.identify(token));
  await s.tokens.delete('ada', stored.metadata.name);
  t.is(await s.tokens.identify(token), undefined);
});

test('a token that another server deletes is refused once the watch says so, and so are the user and the role', async t => {
  await using s = await setUp();
  const {token, stored} = await s.other.create({user: 'ada', description: 'x'});
  const ada = await s.storage.get('User', 'ada');
  await s.storage.update('User', {...ada, spec: {...ada.spec, role: 'admin'}});
  await s.clock.settle();
  t.is((await s.tokens.identify(token))?.caller.role, 'admin');
  await s.other.delete('ada', stored.metadata.name);
  await s.clock.settle();
  t.is(await s.tokens.identify(token), undefined);

  const second = await s.other.create({user: 'ada', description: 'y'});
  await s.clock.settle();
  await s.storage.delete('User', 'ada');
  await s.clock.settle();
  t.is(await s.tokens.identify(second.token), undefined);
});

test('while the store is not heard, what was known of it is not relied on', async t => {
  await using s = await setUp();
  const {token, stored} = await s.other.create({user: 'ada', description: 'x'});
  await s.clock.settle();
  s.world.deaf = true;
  s.world.heard = false;
  await s.other.delete('ada', stored.metadata.name);
  t.is(await s.tokens.identify(token), undefined);
});

test('a token is good until it expires, and no longer', async t => {
  await using s = await setUp();
  const expiresAt = new Date(s.clock.now() + 60_000).toISOString();
  const {token} = await s.other.create({user: 'ada', description: 'x', expiresAt});
  await s.clock.advance(59_000);
  t.truthy(await s.tokens.identify(token));
  await s.clock.advance(1000);
  t.is(await s.tokens.identify(token), undefined);
});
