import {Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {withoutFirstLine} from '../../../agent/qemu/first-line.ts';

test('the first line is taken off, however the stream is cut', async t => {
  for (const chunks of [['12\nrest\n'], ['1', '2', '\n', 're', 'st\n'], ['12\r\n', 'rest\n']]) {
    const {firstLine, rest} = withoutFirstLine();
    t.is(await text(Readable.from(chunks.map(each => Buffer.from(each))).pipe(rest)), 'rest\n');
    t.is(await firstLine, '12');
  }
});

test('a stream that ends after it is empty', async t => {
  const {firstLine, rest} = withoutFirstLine();
  t.is(await text(Readable.from([Buffer.from('7\n')]).pipe(rest)), '');
  t.is(await firstLine, '7');
});

test('what begins with something longer is passed on', async t => {
  const long = 'x'.repeat(1000);
  const {rest} = withoutFirstLine();
  t.is((await text(Readable.from([Buffer.from(long)]).pipe(rest))).length, 1000);
});
