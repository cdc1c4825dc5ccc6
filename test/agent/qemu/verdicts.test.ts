import test from 'ava';
import type {Verdict} from '../../../agent/qemu/accelerator.ts';
import {createVerdicts} from '../../../agent/qemu/verdicts.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

const image = {digest: 'd', folder: '/images/d', disk: 1};
const minute = 60_000;

function setUp(...verdicts: (Verdict | Error)[]) {
  const clock = createManualClock();
  const verdictOn = createVerdicts({
    clock,
    async find() {
      const next = verdicts.shift();
      if (next === undefined || next instanceof Error) throw next ?? new Error('tried once too often');
      return next;
    },
  });
  return {clock, verdictOn};
}

test('a verdict that is certain is kept', async t => {
  const {clock, verdictOn} = setUp({accelerator: 'tcg', isCertain: true});
  t.is(await verdictOn(image), 'tcg');
  await clock.advance(100 * 24 * 60 * minute);
  t.is(await verdictOn(image), 'tcg');
});

test('a trial that came to no end is made again after some minutes, and later each time', async t => {
  const open = {accelerator: 'tcg', isCertain: false} as const;
  const {clock, verdictOn} = setUp(open, open, {accelerator: 'kvm', isCertain: true});
  t.is(await verdictOn(image), 'tcg');
  await clock.advance(4 * minute);
  t.is(await verdictOn(image), 'tcg');
  await clock.advance(minute);
  t.is(await verdictOn(image), 'tcg');
  await clock.advance(9 * minute);
  t.is(await verdictOn(image), 'tcg');
  await clock.advance(minute);
  t.is(await verdictOn(image), 'kvm');
  await clock.advance(100 * minute);
  t.is(await verdictOn(image), 'kvm');
});

test('a trial that failed is not kept', async t => {
  const {verdictOn} = setUp(new Error('no room'), {accelerator: 'kvm', isCertain: true});
  await t.throwsAsync(verdictOn(image), {message: 'no room'});
  t.is(await verdictOn(image), 'kvm');
});
