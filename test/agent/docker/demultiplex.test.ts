import {PassThrough, Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import test from 'ava';
import fc from 'fast-check';
import {demultiplex} from '../../../agent/docker/demultiplex.ts';

function frame(stream: 1 | 2, content: string): Buffer {
  const body = Buffer.from(content);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

test('however the frames are cut on their way, each output is whole and in order', async t => {
  const frames = fc.array(
    fc.record({stream: fc.constantFrom(1 as const, 2 as const), content: fc.string({maxLength: 40})}),
    {maxLength: 12},
  );
  await fc.assert(
    fc.asyncProperty(frames, fc.integer({min: 1, max: 30}), async (sent, size) => {
      const whole = Buffer.concat(sent.map(({stream, content}) => frame(stream, content)));
      const pieces = Array.from({length: Math.ceil(whole.length / size)}, (_, index) =>
        whole.subarray(index * size, (index + 1) * size),
      );
      const stdout = new PassThrough();
      const stderr = new PassThrough();
      const both = Promise.all([text(stdout), text(stderr)]);
      await demultiplex(Readable.from(pieces), {stdout, stderr});
      const of = (wanted: 1 | 2) =>
        sent
          .filter(({stream}) => stream === wanted)
          .map(({content}) => content)
          .join('');
      t.deepEqual(await both, [of(1), of(2)]);
    }),
  );
});

test('what comes of a terminal is passed on as it is', async t => {
  const stdout = new PassThrough();
  const said = text(stdout);
  await demultiplex(Readable.from([Buffer.from([1, 0, 0, 0]), Buffer.from('plain')]), {stdout});
  t.is(await said, '\u0001\0\0\0plain');
});

test('an output that is destroyed holds up nobody', async t => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  stdout.destroy();
  const said = text(stderr);
  await demultiplex(Readable.from([frame(1, 'x'.repeat(200_000)), frame(2, 'heard')]), {stdout, stderr});
  t.is(await said, 'heard');
});

test('a connection that breaks off is an end', async t => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const said = text(stdout);
  const broken = Readable.from(
    (async function* () {
      yield frame(1, 'before');
      throw new Error('reset');
    })(),
  );
  await demultiplex(broken, {stdout, stderr});
  t.is(await said, 'before');
});
