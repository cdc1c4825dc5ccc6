import test from 'ava';
import {byteQuantity, parseBytes} from '../../../api/v1alpha1/quantity.ts';

for (const [text, bytes] of [
  ['1', 1],
  ['1024B', 1024],
  ['1k', 1000],
  ['1Ki', 1024],
  ['512MiB', 512 * 2 ** 20],
  ['1.5GiB', 1.5 * 2 ** 30],
  ['20GB', 20e9],
  ['2Ti', 2 * 2 ** 40],
] as const) {
  test(`${text} is ${bytes} bytes`, t => {
    t.is(parseBytes(text), bytes);
    t.true(byteQuantity.safeParse(text).success);
  });
}

for (const text of ['', '-1', '1e9', '4 GiB', 'GiB', '4gib', '0', '0.0GiB', '4GiB; rm -rf /']) {
  test(`"${text}" is refused as a size`, t => {
    const {error} = byteQuantity.safeParse(text);
    t.regex(error?.issues[0]?.message ?? '', /must be/);
  });
}

test('parsing a size that was never validated throws and says what a size looks like', t => {
  t.throws(() => parseBytes('lots'), {instanceOf: RangeError, message: /512MiB/});
});
