import {createHash} from 'node:crypto';
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Readable} from 'node:stream';
import test from 'ava';
import {createImageInbox} from '../../../agent/system/image-inbox.ts';

const content = Buffer.from('the whole of an image');
const wanted = {digest: createHash('sha256').update(content).digest('hex'), size: content.length};
const from = (offset: number, end = content.length) => Readable.from([content.subarray(offset, end)]);

async function bench() {
  const home = await mkdtemp(path.join(tmpdir(), 'nx-inbox-'));
  return {
    home,
    inbox: createImageInbox(home, 'container'),
    [Symbol.asyncDispose]: () => rm(home, {recursive: true, force: true}),
  };
}

test('what arrives in one go is the image, and is remembered once it is imported', async t => {
  await using bed = await bench();
  t.is(await bed.inbox.current(), undefined);
  t.is(await bed.inbox.received(wanted.digest), 0);
  const file = await bed.inbox.receive(wanted, 0, from(0));
  t.deepEqual(await readFile(file), content);
  t.is(await bed.inbox.current(), undefined);
  await bed.inbox.done(wanted.digest);
  t.is(await bed.inbox.current(), wanted.digest);
  t.deepEqual(await readdir(path.join(bed.home, 'images')), ['current']);
});

test('what is cut off is kept, and gone on with', async t => {
  await using bed = await bench();
  await t.throwsAsync(bed.inbox.receive(wanted, 0, from(0, 8)), {message: /cut off after 8 of 21 bytes/});
  t.is(await bed.inbox.received(wanted.digest), 8);
  const broken = Readable.from(
    (function* () {
      yield content.subarray(8, 12);
      throw new Error('the cable is out');
    })(),
  );
  await t.throwsAsync(bed.inbox.receive(wanted, 8, broken), {message: 'the cable is out'});
  const received = await bed.inbox.received(wanted.digest);
  t.true(received >= 8 && received <= 12);
  t.deepEqual(await readFile(await bed.inbox.receive(wanted, received, from(received))), content);
});

test('an offset before what is there takes the rest from there; one beyond it is refused', async t => {
  await using bed = await bench();
  await t.throwsAsync(bed.inbox.receive(wanted, 0, from(0, 8)));
  t.deepEqual(await readFile(await bed.inbox.receive(wanted, 4, from(4))), content);
  await t.throwsAsync(bed.inbox.receive({...wanted, digest: 'other'}, 4, from(4)), {
    message: /there are no 4 bytes/,
  });
});

test('bytes that are not those that were wanted are thrown away', async t => {
  await using bed = await bench();
  for (const wrong of ['not the same bytes at', 'and far too many bytes for the image']) {
    await t.throwsAsync(bed.inbox.receive(wanted, 0, Readable.from([Buffer.from(wrong)])), {
      message: /not the one that was sent/,
    });
    t.is(await bed.inbox.received(wanted.digest), 0);
  }
});

test('parts of other images make room', async t => {
  await using bed = await bench();
  await bed.inbox.receive(wanted, 0, from(0)).catch(() => {});
  await writeFile(path.join(bed.home, 'images', 'old.partial'), 'x');
  await bed.inbox.receive(wanted, 0, from(0));
  t.deepEqual(await readdir(path.join(bed.home, 'images')), [`${wanted.digest}.partial`]);
});

test('an image of one form leaves what has come of the other', async t => {
  await using bed = await bench();
  const machine = createImageInbox(bed.home, 'machine');
  await t.throwsAsync(machine.receive(wanted, 0, from(0, 8)), {message: /cut off/});
  await bed.inbox.receive(wanted, 0, from(0));
  await bed.inbox.done(wanted.digest);
  t.is(await machine.received(wanted.digest), 8);
  t.is(await machine.current(), undefined);
  await bed.inbox.receive({...wanted, digest: 'other'}, 0, from(0)).catch(() => {});
  t.deepEqual(await readFile(await machine.receive(wanted, 8, from(8))), content);
  await machine.done(wanted.digest);
  t.is(await machine.current(), wanted.digest);
  t.is(await bed.inbox.current(), wanted.digest);
});
