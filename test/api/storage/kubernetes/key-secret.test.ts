import test from 'ava';
import {failureOf} from '../../../../api/storage/kubernetes/api-failure.ts';
import {createApiResources} from '../../../../api/storage/kubernetes/api-resources.ts';
import type {ApiServer} from '../../../../api/storage/kubernetes/api-server.ts';
import {createKeySecret} from '../../../../api/storage/kubernetes/key-secret.ts';

type Secret = {metadata: {name: string; resourceVersion?: string}; data: Record<string, string>};

/** Secrets as Kubernetes keeps them, and none of the rest: the API server of the tests has no core group. */
function createSecrets({refuses}: {refuses?: 'Forbidden' | 'Unknown'} = {}) {
  let stored: Secret | undefined;
  let version = 0;
  const writes: string[] = [];
  const status = (code: number, reason: string) =>
    failureOf(code, {kind: 'Status', code, reason, message: reason}, 'a Secret');
  const server: ApiServer = {
    async request({method, path, body}) {
      if (refuses === 'Unknown') {
        throw failureOf(404, {paths: ['/apis']}, 'a Secret');
      }

      if (refuses === 'Forbidden') {
        throw status(403, 'Forbidden');
      }

      await new Promise(setImmediate);
      if (method === 'GET') {
        if (stored === undefined) {
          throw status(404, 'NotFound');
        }

        return stored;
      }

      const given = body as Secret;
      if (method === 'POST' && stored !== undefined) {
        throw status(409, 'AlreadyExists');
      }

      if (method === 'PUT' && given.metadata.resourceVersion !== stored?.metadata.resourceVersion) {
        throw status(409, 'Conflict');
      }

      version += 1;
      stored = {...given, metadata: {...given.metadata, resourceVersion: String(version)}};
      writes.push(`${method} ${path}`);
      return stored;
    },
    async *stream() {},
  };
  const keys = () => createKeySecret(createApiResources(server, {groupVersion: 'v1', namespace: 'ns'}), 'ns');
  return {keys, writes, stored: () => stored};
}

test('of servers that start at the same time one makes the keys, and all have the same', async t => {
  const {keys, writes, stored} = createSecrets();
  const all = await Promise.all(
    Array.from({length: 8}, (_, index) =>
      keys().ensure(async present => ({key: `made by ${index}`, ...present})),
    ),
  );
  t.is(new Set(all.map(each => each?.key)).size, 1);
  t.deepEqual(writes, ['POST /api/v1/namespaces/ns/secrets']);
  t.is(stored()?.data.key, Buffer.from(all[0]?.key ?? '').toString('base64'));
});

test('what is missing is added, and what is there stays, also what is none of ours', async t => {
  const {keys, writes} = createSecrets();
  await keys().ensure(async () => ({one: '1', other: 'x'}));
  const both = await Promise.all(
    ['2', '3'].map(two => keys().ensure(async present => ({one: 'another', two, ...present}))),
  );
  t.deepEqual(both[0], both[1]);
  t.like(both[0], {one: '1', other: 'x'});
  t.is(writes.length, 2);
});

test('who may not is told what to do, and an API server without Secrets has none', async t => {
  await t.throwsAsync(
    createSecrets({refuses: 'Forbidden'})
      .keys()
      .ensure(async () => ({})),
    {
      message: /may not keep its keys in the Secret nexus-server of namespace ns: .*--keys/,
    },
  );
  t.is(
    await createSecrets({refuses: 'Unknown'})
      .keys()
      .ensure(async () => ({})),
    undefined,
  );
});
