import test from 'ava';
import fc from 'fast-check';
import {unifiedDiff} from '../../../cli/output/unified-diff.ts';

test('what is the same has no diff', t => {
  t.deepEqual(unifiedDiff(['a', 'b'], ['a', 'b']), []);
  t.deepEqual(unifiedDiff([], []), []);
});

test('a change has three lines around it', t => {
  const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
  const after = before.with(4, 'five');
  t.deepEqual(unifiedDiff(before, after), [
    '@@ -2,7 +2,7 @@',
    ' 2',
    ' 3',
    ' 4',
    '-5',
    '+five',
    ' 6',
    ' 7',
    ' 8',
  ]);
});

test('changes far apart are hunks of their own', t => {
  const before = Array.from({length: 20}, (_, index) => String(index));
  const hunks = unifiedDiff(before, before.with(1, 'x').with(18, 'y')).filter(line => line.startsWith('@@'));
  t.deepEqual(hunks, ['@@ -1,5 +1,5 @@', '@@ -16,5 +16,5 @@']);
});

test('a diff, applied to what was before, gives what is after', t => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), {maxLength: 30});
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      t.deepEqual(patch(before, unifiedDiff(before, after)), after);
    }),
  );
});

function patch(before: readonly string[], diff: readonly string[]): string[] {
  const result: string[] = [];
  let at = 0;
  for (const line of diff) {
    const header = /^@@ -(\d+),(\d+) /.exec(line);
    if (header !== null) {
      const start = Number(header[1]) - 1;
      result.push(...before.slice(at, start));
      at = start;
    } else if (line.startsWith('+')) {
      result.push(line.slice(1));
    } else {
      if (before[at] !== line.slice(1)) {
        throw new Error(`line ${at} is not ${line}`);
      }

      at += 1;
      if (line.startsWith(' ')) {
        result.push(line.slice(1));
      }
    }
  }

  return [...result, ...before.slice(at)];
}
