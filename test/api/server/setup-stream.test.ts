import {text} from 'node:stream/consumers';
import test from 'ava';
import type {SetupEvent} from '../../../api/node-setup/messages.ts';
import {setupStream} from '../../../api/server/setup-stream.ts';

const progress = (message: string): SetupEvent => ({type: 'progress', step: 'Backend', message});
const ended: SetupEvent = {type: 'ended', ok: true, milliseconds: 1};

test('a machine that says more than anybody reads does not fill the memory, and how it ended is told all the same', async t => {
  const {signal} = new AbortController();
  const stream = setupStream(async report => {
    report({type: 'started', step: 'Backend'});
    for (let count = 0; count < 100_000; count += 1) {
      report(progress('y'.repeat(100)));
    }

    report(ended);
  }, signal);
  const lines = (await text(stream)).trim().split('\n');
  t.deepEqual(JSON.parse(lines[0] ?? ''), {type: 'started', step: 'Backend'});
  t.deepEqual(JSON.parse(lines.at(-1) ?? ''), ended);
  t.true(lines.length < 10_000, `${lines.length} lines were kept`);
});

test('what a machine says reaches whoever reads it without what a terminal would obey, on one line and not too long', async t => {
  const {signal} = new AbortController();
  const stream = setupStream(async report => {
    report(progress('a\u001B[2Jb\u009Bc\r\n✓ Host key\u202E d'));
    report(progress('y'.repeat(100_000)));
    report({
      type: 'finished',
      step: 'Shell',
      outcome: 'failed',
      code: 'ShellUnusable',
      message: 'one\ntwo',
      cure: ['do\u001B]0;x\u0007 this'],
      milliseconds: 1,
    });
  }, signal);
  const [first, long, last] = (await text(stream))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  t.is(first.message, 'a [2Jb c ✓ Host key  d');
  t.true(long.message.length <= 4000);
  t.is(last.message, 'one two');
  t.deepEqual(last.cure, ['do ]0;x  this']);
});
