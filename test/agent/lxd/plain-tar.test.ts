import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {pack} from 'tar-stream';
import {plainTar} from '../../../agent/lxd/plain-tar.ts';

async function tarball(): Promise<Buffer> {
  const tar = pack();
  tar.entry({name: 'file'}, 'content');
  tar.finalize();
  return await buffer(tar);
}

/** In pieces of so many bytes. */
function inPieces(bytes: Buffer, length: number): Readable {
  const pieces = Array.from({length: Math.ceil(bytes.length / length)}, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );
  return Readable.from(pieces);
}

for (const length of [1, 500, 512, 100_000]) {
  test(`a tarball passes as it is, in pieces of ${length} bytes`, async t => {
    const bytes = await tarball();
    t.deepEqual(await buffer(plainTar(inPieces(bytes, length))), bytes);
  });
}

for (const [what, make] of [
  ['what is compressed', async () => gzipSync(await tarball())],
  ['what is something else', async () => Buffer.alloc(10_240, 'hsqs')],
  ['what is too short for one', async () => Buffer.from('ustar')],
  ['nothing', async () => Buffer.alloc(0)],
] as const) {
  test(`${what} fails`, async t => {
    const bytes = await make();
    await t.throwsAsync(buffer(plainTar(inPieces(bytes, 512))), {message: /no plain tarball/});
  });
}
