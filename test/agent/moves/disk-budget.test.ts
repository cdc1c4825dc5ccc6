import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import test from 'ava';
import type {DriverInstance, ImportOptions} from '../../../agent/driver.ts';
import {DriverError} from '../../../agent/driver.ts';
import {diskBudget, withinBudget} from '../../../agent/moves/disk-budget.ts';

const limits = {cpus: 1, memory: 2 ** 28, disk: 2 ** 20};
const made: DriverInstance = {
  uid: 'u1',
  name: 'nexus-u1',
  state: 'Stopped',
  limits,
  hasRun: true,
  needsProvisioning: false,
};

/** An import that counts what it takes, and fails in its own words when its input does. */
function setUp() {
  const seen = {bytes: 0};
  const importInstance = withinBudget(async ({content}) => {
    try {
      await pipeline(content, async function* (source: AsyncIterable<Buffer>) {
        for await (const {length} of source) seen.bytes += length;
        yield '';
      });
    } catch (error) {
      throw new DriverError('Internal', 'the upload was cut off', {cause: error});
    }
    return made;
  });
  return {seen, importInstance};
}

/** So many bytes, without holding them. */
function content(length: number): Readable {
  const piece = Buffer.alloc(2 ** 20);
  return Readable.from(
    (function* () {
      for (let left = length; left > 0; left -= piece.length) yield piece.subarray(0, left);
    })(),
  );
}

const request = (length: number): ImportOptions => ({
  uid: 'u1',
  mark: 'm',
  attributes: {},
  content: content(length),
});
const {signal} = new AbortController();

test('all that a workspace of its size may have passes', async t => {
  const {seen, importInstance} = setUp();
  const most = diskBudget(limits.disk);
  t.is(await importInstance({...request(most), limits}, signal), made);
  t.is(seen.bytes, most);
});

test('what is more is broken off for that reason, and read no further', async t => {
  const {seen, importInstance} = setUp();
  const options = {...request(2 * diskBudget(limits.disk)), limits};
  const error = await t.throwsAsync(importInstance(options, signal), {instanceOf: DriverError});
  t.is(error?.code, 'NoSpace');
  t.regex(error?.message ?? '', /^a workspace of 1 MiB was expected, and more than 66 MiB arrived$/);
  t.true(seen.bytes <= diskBudget(limits.disk));
  t.true(options.content.destroyed, 'whoever sends it is told');
});

test('another failure is told as it is', async t => {
  const {importInstance} = setUp();
  const broken = Readable.from(
    (function* () {
      yield Buffer.alloc(10);
      throw new Error('the wire was cut');
    })(),
  );
  const error = await t.throwsAsync(importInstance({...request(0), content: broken, limits}, signal));
  t.is(error?.message, 'the upload was cut off');
});

test('without limits, as older servers ask, nothing is counted', async t => {
  const {seen, importInstance} = setUp();
  const length = diskBudget(0) + 1;
  await importInstance(request(length), signal);
  t.is(seen.bytes, length);
});
