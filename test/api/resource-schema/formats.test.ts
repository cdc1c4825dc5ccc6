import test from 'ava';
import {isDuration} from '../../../api/resource-schema/formats.ts';

test('durations are those of Go', t => {
  for (const text of ['0', '-0', '1s', '1h30m', '.5s', '1.5h', '+2ms', '01s', '10µs']) {
    t.true(isDuration(text), text);
  }

  for (const text of ['', '1', 's', '00', '1s0', '.s', '1d']) {
    t.false(isDuration(text), text);
  }
});

test('a long text that is nearly a duration is refused without being tried in every way', t => {
  t.false(isDuration(`${'0'.repeat(100_000)}x`));
  t.false(isDuration(`${'00s'.repeat(30_000)}x`));
});
