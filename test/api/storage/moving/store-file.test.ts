import {Readable} from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import {formatStoreFile, readStoreFile} from '../../../../api/storage/moving/store-file.ts';
import {all, storeRecords, streamOf} from './sample-records.ts';

const header = {
  id: 'c0ffee',
  installation: '0123ab',
  epoch: 17,
  from: 'SQLite, elsewhere',
  createdAt: '2026-11-28T03:00:00.000Z',
  nexus: '1.2.3',
};
const [records = []] = fc.sample(
  storeRecords(9).filter(({length}) => length > 4),
  {numRuns: 1, seed: 3},
);
const lines = await all(formatStoreFile(header, streamOf(records)));

async function read(text: string) {
  const file = await readStoreFile(Readable.from([text]));
  return {header: file.header, records: await all(file.records)};
}

test('what was written is read again', async t => {
  t.deepEqual(await read(lines.join('')), {header, records: [...records]});
});

test('what Unicode has for ends of lines and paragraphs ends no line', async t => {
  const odd = records.map(record => ({
    ...record,
    object: {...record.object, spec: {text: 'a\u2028b\u2029c\u0085d\r\ne\u000Bf\u000Cg'}},
  }));
  const written = await all(formatStoreFile(header, streamOf(odd)));
  t.deepEqual((await read(written.join(''))).records, odd);
});

test('characters that are cut in two between pieces of a file are whole again', async t => {
  const bytes = Buffer.from(lines.join('').replace('"from":"SQLite', '"from":"𝄞é'));
  const pieces = Array.from(bytes, byte => Buffer.from([byte]));
  const file = await readStoreFile(Readable.from(pieces));
  t.is(file.header.from, '𝄞é, elsewhere');
  t.is((await all(file.records)).length, records.length);
});

test('a file that was cut off anywhere is noticed', async t => {
  const text = lines.join('');
  await fc.assert(
    fc.asyncProperty(fc.integer({min: 0, max: text.length - 2}), async length => {
      await t.throwsAsync(read(text.slice(0, length)), {name: 'StoreFileInvalid'});
    }),
    {numRuns: 100},
  );
});

test('what is not text is refused', async t => {
  await t.throwsAsync(readStoreFile(Readable.from([Buffer.from([0x7b, 0xff, 0xfe])])), {
    name: 'StoreFileInvalid',
    message: 'it is not UTF-8',
  });
});

test('a line that was taken out is noticed', async t => {
  await t.throwsAsync(read(lines.toSpliced(2, 1).join('')), {
    message: `it has ${records.length - 1} records, and had ${records.length} when it was written`,
  });
});

for (const [what, text, message] of [
  ['what is no such file', 'apiVersion: v1\n', /line 1 is not JSON/],
  ['JSON of something else', '{"kind": "List"}\n', /first line does not say that it is a store/],
  ['a later version', '{"format": "nexus-store", "version": 2}\n', /version is 2, and this nexus knows 1/],
  [
    'an unknown kind',
    `${lines[0]}{"type": "object", "object": {"kind": "Pod"}}\n`,
    /line 2 is not a record: object/,
  ],
  [
    'a name that is none',
    lines.join('').replaceAll(/"name":"[a-z]+-0"/g, '"name":"../x"'),
    /is not a record: object.metadata.name/,
  ],
] as const) {
  test(`${what} is refused with the line and the reason`, async t => {
    await t.throwsAsync(read(text), {name: 'StoreFileInvalid', message});
  });
}
