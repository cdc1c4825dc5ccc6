import {spawn} from 'node:child_process';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import test from 'ava';

const program = path.resolve(import.meta.dirname, '../../hack/lib/tap.ts');

async function summarise(tap: string): Promise<{readonly counts: string; readonly shown: string}> {
  const child = spawn(process.execPath, [program]);
  child.stdin.end(tap);
  const [counts, shown] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return {counts: counts.trim(), shown};
}

test('counts what passed, failed and was skipped, and shows a failure with all its lines', async t => {
  const {counts, shown} = await summarise(
    [
      'TAP version 13',
      'ok 1 - store › keeps',
      'not ok 2 - store › loses',
      '  ---',
      '    message: gone',
      '  ...',
      'ok 3 - driver › boots # SKIP no daemon',
      'not ok 4 - driver › flies # TODO',
      'ok 5 - driver › a title with # in it',
      '1..5',
      '# tests 5',
    ].join('\n'),
  );
  t.is(counts, '2 1 2');
  t.regex(shown, /✗ store › loses\n {6}---\n {8}message: gone\n/);
  t.regex(shown, /skipped: driver › boots\n/);
});

test('a run that ends without its plan has failed, whatever passed before', async t => {
  const {counts, shown} = await summarise('TAP version 13\nok 1 - one\n');
  t.is(counts, '1 1 0');
  t.regex(shown, /ended before it was done/);
});

test("shows a program's own output, which belongs to no test", async t => {
  const {counts, shown} = await summarise('TAP version 13\nSegmentation fault\n1..0\n');
  t.is(counts, '0 0 0');
  t.regex(shown, /\| Segmentation fault/);
});
