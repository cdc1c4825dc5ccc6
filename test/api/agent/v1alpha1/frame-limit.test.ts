import test from 'ava';
import fc from 'fast-check';
import {createFrameLimit} from '../../../../api/agent/v1alpha1/frame-limit.ts';

test('frames pass, however they are cut into pieces', t => {
  fc.assert(
    fc.property(fc.array(fc.string({unit: 'grapheme'})), fc.array(fc.nat({max: 40})), (bodies, cuts) => {
      const bytes = Buffer.concat(
        bodies.map(body => Buffer.from(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)),
      );
      const limit = createFrameLimit();
      let offset = 0;
      for (const cut of [...cuts, bytes.length]) {
        limit(bytes.subarray(offset, offset + cut));
        offset += cut;
      }
    }),
  );
  t.pass();
});

test('a header without end, a header without length, and a message that is too long are refused', t => {
  t.throws(() => createFrameLimit()(Buffer.alloc(5000, 'x')), {message: /no message begins with "xxx/});
  t.throws(() => createFrameLimit()(Buffer.from('Welcome\r\n\r\n')), {message: /no message begins/});
  t.throws(() => createFrameLimit()(Buffer.from('Content-Length: 67108865\r\n\r\n')), {
    message: /longer than/,
  });
  t.notThrows(() => createFrameLimit()(Buffer.from('Content-Length: 67108864\r\n\r\n')));
});

test('a header is refused as soon as it is too long, in whatever pieces it comes', t => {
  const limit = createFrameLimit();
  t.throws(() => {
    for (let piece = 0; piece < 100; piece += 1) {
      limit(Buffer.alloc(50, 'x'));
    }
  });
});
