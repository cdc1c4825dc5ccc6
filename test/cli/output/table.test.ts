import test from 'ava';
import type {ShownResource} from '../../../cli/output/kind-columns.ts';
import {headersOf, rowOf} from '../../../cli/output/kind-columns.ts';
import {plain, styleFor} from '../../../cli/output/style.ts';
import {renderTable} from '../../../cli/output/table.ts';
import {backOffEvent, box, fresh, lost, now, shop} from './literals.ts';

const table = (resources: readonly ShownResource[], wide = false) =>
  renderTable(
    headersOf(resources[0]?.kind ?? 'Workspace', wide),
    resources.map(resource => rowOf(resource, {wide, now})),
    plain,
  ).join('\n');

test('workspaces are listed in columns, with the age of the evidence where it is too old', t => {
  t.is(
    table([shop, lost, fresh]),
    [
      'NAME    PHASE                   READY     NODE    SSH              AGE',
      'shop    Running                 False     local   127.0.0.1:2222   3h',
      'lost    Unknown (seen 5m ago)   Unknown   box     -                3h',
      'fresh   Pending                 Unknown   -       -                1s',
    ].join('\n'),
  );
});

test('wide tables tell more', t => {
  t.snapshot(table([shop, lost, fresh], true));
  t.snapshot(table([box], true));
  t.snapshot(table([backOffEvent], true));
});

test('a node that is cordoned and silent says both', t => {
  t.is(
    table([box]),
    [
      'NAME   STATUS              ADDRESS            PROVIDERS                 WORKSPACES   HEARTBEAT   AGE',
      'box    NotReady,Cordoned   root@10.0.0.7:22   incus 6.0.4 (not ready)   1            5m          3h',
    ].join('\n'),
  );
});

const terminal = {isTTY: true};
const styles: readonly (readonly [string, {isTTY?: boolean}, Record<string, string>, boolean])[] = [
  ['a terminal has colours', terminal, {TERM: 'xterm'}, true],
  ['a pipe has none', {}, {TERM: 'xterm'}, false],
  ['NO_COLOR has none', terminal, {TERM: 'xterm', NO_COLOR: '1'}, false],
  ['an empty NO_COLOR says nothing', terminal, {TERM: 'xterm', NO_COLOR: ''}, true],
  ['a dumb terminal has none', terminal, {TERM: 'dumb'}, false],
  ['FORCE_COLOR has them in a pipe', {}, {FORCE_COLOR: '1'}, true],
  ['NO_COLOR beats FORCE_COLOR', {}, {FORCE_COLOR: '1', NO_COLOR: '1'}, false],
];

for (const [title, stream, env, expected] of styles) {
  test(`colours: ${title}`, t => {
    t.is(styleFor(stream, env)('good', 'x') !== 'x', expected);
  });
}

test('a cell is one line, whatever is in it', t => {
  const lines = renderTable(['A', 'B'], [[{text: 'one\ntwo\t three\u0007\u001b[1A'}, {text: 'x'}]], plain);
  t.deepEqual(lines, ['A                    B', 'one two three\uFFFD\uFFFD[1A   x']);
});

test('colours change no widths', t => {
  const coloured = styleFor(terminal, {TERM: 'xterm'});
  const [, row = ''] = renderTable(['A', 'B'], [[{text: 'x', tone: 'bad'}, {text: 'y'}]], coloured);
  t.is(row, '\u001B[31mx\u001B[39m   y');
});
