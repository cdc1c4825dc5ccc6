import {PassThrough} from 'node:stream';
import test from 'ava';
import {createSpinner} from '../../../cli/output/spinner.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

function terminal(changes: {readonly isTTY?: boolean; readonly columns?: number}) {
  const clock = createManualClock();
  const stderr = Object.assign(new PassThrough({encoding: 'utf8'}), changes);
  return {clock, stderr, shown: () => String(stderr.read() ?? '')};
}

test('on a terminal the line says what goes on now, within its width, and is gone at the end', async t => {
  const {clock, stderr, shown} = terminal({isTTY: true, columns: 12});
  let present: string | undefined;
  const spinner = createSpinner({stderr, clock}, () => present);
  await clock.advance(120);
  t.is(shown(), '');
  present = 'sending the agent';
  await clock.advance(240);
  t.is(shown(), '\r\u001B[K⠋ sending t\r\u001B[K⠙ sending t');
  spinner[Symbol.dispose]();
  t.is(shown(), '\r\u001B[K');
  await clock.advance(1000);
  t.is(shown(), '');
  t.is(clock.pending, 0);
});

test('where there is no terminal, nothing is shown', async t => {
  const {clock, stderr, shown} = terminal({});
  using spinner = createSpinner({stderr, clock}, () => 'sending the agent');
  await clock.advance(1000);
  spinner.clear();
  t.is(shown(), '');
});
