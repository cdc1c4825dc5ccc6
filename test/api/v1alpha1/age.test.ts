import test from 'ava';
import {age} from '../../../api/v1alpha1/age.ts';

const start = Date.parse('2026-01-01T00:00:00.000Z');

for (const [seconds, text] of [
  [0, '0s'],
  [59, '59s'],
  [60, '1m'],
  [312, '5m12s'],
  [660, '11m'],
  [11_100, '3h5m'],
  [43_200, '12h'],
  [187_200, '2d4h'],
  [2_592_000, '30d'],
] as const) {
  test(`${seconds} seconds are shown as ${text}`, t => {
    t.is(age('2026-01-01T00:00:00.000Z', start + seconds * 1000), text);
  });
}

test('a time that is not known is shown as a dash', t => {
  t.is(age(undefined, start), '-');
});

test('a clock that is ahead of ours is shown as now', t => {
  t.is(age('2026-01-01T00:00:05.000Z', start), '0s');
});
