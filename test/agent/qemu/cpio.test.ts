import test from 'ava';
import {cpioArchive, padded} from '../../../agent/qemu/cpio.ts';

/** One entry's header, name and content, as the format is described in the kernel's documentation. */
function parse(archive: Buffer): {name: string; mode: number; content: string}[] {
  const entries = [];
  for (let at = 0; at < archive.length; ) {
    const field = (index: number) =>
      Number.parseInt(archive.subarray(at + 6 + index * 8, at + 14 + index * 8).toString(), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const name = archive.subarray(at + 110, at + 110 + nameSize - 1).toString();
    const start = at + Math.ceil((110 + nameSize) / 4) * 4;
    entries.push({name, mode, content: archive.subarray(start, start + size).toString()});
    at = start + Math.ceil(size / 4) * 4;
  }
  return entries;
}

test('an archive has folders, files with their modes and contents of any length, and an end', t => {
  const archive = cpioArchive([
    {folder: 'seed'},
    {path: 'seed/a', mode: 0o600, content: 'secret'},
    {path: 'seed/empty', mode: 0o644, content: ''},
  ]);
  t.is(archive.length % 4, 0);
  t.deepEqual(parse(archive), [
    {name: 'seed', mode: 0o040_755, content: ''},
    {name: 'seed/a', mode: 0o100_600, content: 'secret'},
    {name: 'seed/empty', mode: 0o100_644, content: ''},
    {name: 'TRAILER!!!', mode: 0o100_000 & 0, content: ''},
  ]);
});

test('what is padded ends at a multiple of four and is otherwise the same', t => {
  for (const [length, expected] of [
    [0, 0],
    [1, 4],
    [4, 4],
    [7, 8],
  ] as const) {
    const bytes = padded(Buffer.alloc(length, 1));
    t.is(bytes.length, expected);
    t.deepEqual(
      [...bytes.subarray(0, length)],
      Array.from({length}, () => 1),
    );
  }
});
