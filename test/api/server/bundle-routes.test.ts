import {createHash, randomBytes} from 'node:crypto';
import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {isApiError} from '../../../api/client/api-error.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {systemRandom} from '../../../api/effects/random.ts';
import {createFsBundleStore} from '../../../api/storage/fs-bundle-store.ts';
import type {TestServer} from './test-server.ts';
import {startServer} from './test-server.ts';

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

async function stored({directory}: TestServer): Promise<string[]> {
  return readdir(join(directory, 'bundles')).catch(() => []);
}

test('a bundle is uploaded with progress, found, and taken again without harm', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  const content = randomBytes(3_000_000);
  const digest = sha256(content);
  t.false(await client.bundles.has(digest));
  const progress: number[] = [];
  const upload = () =>
    client.bundles.upload(digest, {
      content: Readable.from([content.subarray(0, 1_000_000), content.subarray(1_000_000)]),
      size: content.length,
      onProgress: sent => progress.push(sent),
    });
  await upload();
  t.deepEqual(progress, [1_000_000, 3_000_000]);
  t.true(await client.bundles.has(digest));
  await upload();
  t.deepEqual(await stored(server), [digest]);
});

test('a bundle that is not what its name says is refused, and nothing is kept', async t => {
  await using server = await startServer();
  const digest = sha256(randomBytes(10));
  const error = await t.throwsAsync(
    server.client.bundles.upload(digest, {content: Readable.from([Buffer.from('other')]), size: 5}),
  );
  t.true(isApiError(error, 'Invalid') && error.status === 400);
  t.deepEqual(await stored(server), []);
});

test('a bundle over the limit is refused before, and while, it is received', async t => {
  await using server = await startServer({limits: {bundle: 1000}});
  const content = Buffer.alloc(5000);
  const declared = await server.call(`/api/v1/bundles/${sha256(content)}`, {method: 'PUT', body: content});
  t.is(declared.status, 413);
  const {hostname, port} = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `PUT /api/v1/bundles/${sha256(content)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.adminToken}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n`,
  );
  socket.write(content);
  socket.write('\r\n0\r\n\r\n');
  t.regex(await text(socket), /^HTTP\/1\.1 4(?:00|13) /);
  t.deepEqual(await stored(server), []);
});

test('without room for it a bundle is refused, with what helps', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'nexus-full-'));
  t.teardown(() => rm(directory, {recursive: true}));
  const bundles = createFsBundleStore({directory, clock: systemClock, random: systemRandom, capacity: 100});
  await using server = await startServer({bundles});
  const content = Buffer.alloc(101);
  const refused = await server.call(`/api/v1/bundles/${sha256(content)}`, {method: 'PUT', body: content});
  t.is(refused.status, 507);
  t.like(refused.json, {error: {code: 'InsufficientStorage'}});
  t.regex(refused.json.error.hint, /Push to a remote/);
});

test('a bundle that is cut off is not there', async t => {
  await using server = await startServer();
  const content = Buffer.alloc(5000);
  const {hostname, port} = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.end(
    `PUT /api/v1/bundles/${sha256(content)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.adminToken}\r\nContent-Length: 5000\r\n\r\nhalf`,
  );
  t.regex(await text(socket), /^HTTP\/1\.1 400 /);
  t.false(await server.client.bundles.has(sha256(content)));
});

test('a name that is no digest reaches no file', async t => {
  await using server = await startServer();
  for (const name of ['..%2f..%2fadmin-token', 'A'.repeat(64), 'short']) {
    t.is((await server.call(`/api/v1/bundles/${name}`, {method: 'PUT', body: 'x'})).status, 400);
    t.is((await server.call(`/api/v1/bundles/${name}`, {method: 'HEAD'})).status, 400);
  }
});
