import test from 'ava';
import fc from 'fast-check';
import {columnWidths, padOrCut} from '../../../tui/rows/row.ts';

test('spare width goes to the columns that grow, by their share', t => {
  const columns = [
    {title: 'A', minimum: 10, grow: 1},
    {title: 'B', minimum: 5},
    {title: 'C', minimum: 10, grow: 3},
  ];
  t.deepEqual(columnWidths(columns, 10 + 1 + 5 + 1 + 10 + 8), [12, 5, 16]);
});

test('columns that do not fit are left out from the right', t => {
  const columns = [
    {title: 'A', minimum: 10},
    {title: 'B', minimum: 5},
    {title: 'C', minimum: 10},
  ];
  t.deepEqual(columnWidths(columns, 17), [10, 5, 0]);
});

test('a column that does not fit leaves nothing to those that grow', t => {
  const columns = [
    {title: 'A', minimum: 10, grow: 1},
    {title: 'B', minimum: 10},
  ];
  t.deepEqual(columnWidths(columns, 10), [10, 0]);
});

test('columns with the spaces between them never exceed the width', t => {
  const column = fc.record({
    title: fc.constant('X'),
    minimum: fc.integer({min: 1, max: 30}),
    grow: fc.nat(5),
  });
  fc.assert(
    fc.property(
      fc.array(column, {minLength: 1, maxLength: 10}),
      fc.integer({min: 0, max: 300}),
      (columns, total) => {
        const shown = columnWidths(columns, total).filter(width => width > 0);
        const used = shown.reduce((sum, width) => sum + width, 0) + Math.max(0, shown.length - 1);
        t.true(used <= total);
      },
    ),
  );
});

test('text is padded to the width, or cut with an ellipsis', t => {
  t.is(padOrCut('ab', 4), 'ab  ');
  t.is(padOrCut('abcdef', 4), 'abc…');
  t.is(padOrCut('abcdef', 0), '');
});

test('control characters cannot reach the terminal', t => {
  t.is(padOrCut('a\u001B[31mb', 8), 'a�[31mb ');
});
