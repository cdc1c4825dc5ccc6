import {Readable, Writable} from 'node:stream';
import test from 'ava';
import {StorageError} from '../../../api/storage/storage-error.ts';
import type {Agents} from '../../../controller/agent-client/agents.ts';
import {createBundleUploads} from '../../../controller/workspace/bundle-uploads.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

function setUp({present = false} = {}) {
  const clock = createManualClock();
  const lifetime = new AbortController();
  const opened: string[] = [];
  const received: string[] = [];
  const finished = Promise.withResolvers<{exitCode?: number}>();
  finished.promise.catch(() => {});
  const agents: Pick<Agents, 'request' | 'open'> = {
    // The one boundary where the model answers the only request that is made here.
    request: (async () => ({present})) as unknown as Agents['request'],
    async open(node) {
      opened.push(node);
      const input = new Writable({
        write(chunk, _encoding, callback) {
          received.push(String(chunk));
          callback();
        },
      });
      const output = Readable.from([]);
      return {input, output, errorOutput: output, finished: finished.promise, resize() {}, abort() {}};
    },
  };
  const bundles = {
    async open(digest: string) {
      if (digest === 'lost') {
        throw new StorageError('NotFound', 'no such bundle');
      }

      return {size: 4, content: Readable.from([Buffer.from('PACK')])};
    },
  };
  const uploads = createBundleUploads({agents, bundles, clock, signal: lifetime.signal});
  return {clock, uploads, opened, received, finished, signal: lifetime.signal};
}

test('a bundle that the node holds is not sent', async t => {
  const {uploads, opened, signal} = setUp({present: true});
  await uploads.ensure('one', 'abc', signal);
  t.deepEqual(opened, []);
});

test('a bundle is sent once, however many ask for it', async t => {
  const {uploads, opened, received, finished, signal, clock} = setUp();
  const both = Promise.all([uploads.ensure('one', 'abc', signal), uploads.ensure('one', 'abc', signal)]);
  await clock.settle();
  finished.resolve({});
  await both;
  t.deepEqual(opened, ['one']);
  t.deepEqual(received, ['PACK']);
});

test('a long upload goes on in the background and keeps no reconcile waiting', async t => {
  const {uploads, opened, finished, signal, clock} = setUp();
  const first = t.throwsAsync(uploads.ensure('one', 'abc', signal), {code: 'NotPermittedNow'});
  await clock.advance(5000);
  await first;
  const second = uploads.ensure('one', 'abc', signal);
  await clock.settle();
  finished.resolve({});
  await second;
  t.deepEqual(opened, ['one']);
  t.is(clock.pending, 0);
});

test('an upload that fails is told to whoever waits, and begun again when asked again', async t => {
  const {uploads, opened, finished, signal, clock} = setUp();
  const first = t.throwsAsync(uploads.ensure('one', 'abc', signal), {message: 'no space'});
  await clock.settle();
  finished.reject(new Error('no space'));
  await first;
  await t.throwsAsync(uploads.ensure('one', 'abc', signal));
  t.is(opened.length, 2);
});

test('a bundle that the server does not hold says what to do', async t => {
  const {uploads, signal} = setUp();
  await t.throwsAsync(uploads.ensure('one', 'lost', signal), {
    code: 'NotFound',
    message: /run nexus apply again/,
  });
});

test('a reconcile that is given up waits no longer', async t => {
  const {uploads, clock} = setUp();
  const reconcile = new AbortController();
  const waiting = t.throwsAsync(uploads.ensure('one', 'abc', reconcile.signal), {message: 'stop'});
  await clock.settle();
  reconcile.abort(new Error('stop'));
  await waiting;
  t.is(clock.pending, 0);
});
