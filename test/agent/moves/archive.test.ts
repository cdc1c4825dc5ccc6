import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import test from 'ava';
import fc from 'fast-check';
import {emptyRecord} from '../../../agent/instances/instance-record.ts';
import type {ArchiveHeader} from '../../../agent/moves/archive.ts';
import {packArchive, unpackArchive} from '../../../agent/moves/archive.ts';

const header: ArchiveHeader = {
  version: 1,
  uid: 'u',
  transfer: 't',
  format: 'f',
  attributes: {key: 'a\nb'},
  record: emptyRecord('u', 'lxc'),
};
const pack = async (content: Uint8Array, confirm = async () => {}) =>
  await buffer(packArchive(header, Readable.from([Buffer.from(content)], {objectMode: false}), confirm));
const cut = (archive: Buffer, sizes: readonly number[]): Readable => {
  const pieces: Buffer[] = [];
  for (let offset = 0, index = 0; offset < archive.length; index += 1) {
    const size = sizes[index % sizes.length] ?? archive.length;
    pieces.push(archive.subarray(offset, offset + size));
    offset += size;
  }
  return Readable.from(pieces, {objectMode: false});
};

test('what is unpacked is what was packed, however the bytes are cut', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({maxLength: 300}),
      fc.array(fc.integer({min: 1, max: 120}), {minLength: 1, maxLength: 5}),
      async (content, sizes) => {
        const unpacked = await unpackArchive(cut(await pack(content), sizes));
        t.deepEqual(unpacked.header, header);
        t.deepEqual(await buffer(unpacked.content), Buffer.from(content));
      },
    ),
  );
});

test('one bit that differs, or a byte that is missing, fails it', async t => {
  const archive = await pack(Buffer.from('some content'));
  const flipped = Buffer.from(archive);
  const middle = archive.length - 40;
  flipped[middle] = (flipped[middle] ?? 0) ^ 1;
  for (const wrong of [flipped, archive.subarray(0, -1), Buffer.concat([archive, Buffer.from('x')])]) {
    await t.throwsAsync(async () => await buffer((await unpackArchive(cut(wrong, [7]))).content), {
      message: /SHA-256 differs/,
    });
  }
});

test('what is no archive, or never ends its first line, is refused', async t => {
  await t.throwsAsync(unpackArchive(Readable.from([Buffer.from('hello')])), {message: /no archive/});
  await t.throwsAsync(unpackArchive(Readable.from([Buffer.alloc(5 * 2 ** 20, 'x'), Buffer.from('\n')])));
});

test('one that is not confirmed has no digest, and is not taken for whole', async t => {
  const confirm = async () => {
    throw new Error('it was started meanwhile');
  };
  await t.throwsAsync(pack(Buffer.from('x'), confirm), {message: /started meanwhile/});
});
