import test from 'ava';
import {duration, parseDuration} from '../../../api/v1alpha1/duration.ts';

for (const [text, milliseconds] of [
  ['500ms', 500],
  ['5s', 5000],
  ['1.5s', 1500],
  ['1m30s', 90_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
] as const) {
  test(`${text} is ${milliseconds} ms`, t => {
    t.is(parseDuration(text), milliseconds);
    t.true(duration.safeParse(text).success);
  });
}

for (const text of ['', '5', 's', '-1s', '5 s', '1w', '5s!', 'five']) {
  test(`"${text}" is refused as a duration`, t => {
    t.false(duration.safeParse(text).success);
    t.throws(() => parseDuration(text), {instanceOf: RangeError, message: /1m30s/});
  });
}
