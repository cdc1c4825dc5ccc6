import {Readable} from 'node:stream';
import test from 'ava';
import {longestFile, readSmallFile} from '../../agent/small-file.ts';

test('a file is read whole, up to the largest that there may be', async t => {
  t.is((await readSmallFile(Readable.from([Buffer.from('a'), Buffer.from('bc')]), '/x')).toString(), 'abc');
  t.is((await readSmallFile(Readable.from([]), '/x')).length, 0);
  t.is((await readSmallFile(Readable.from([Buffer.alloc(longestFile)]), '/x')).length, longestFile);
});

test('one that goes on and on is given up, and asked for no more', async t => {
  let given = 0;
  const endless = new Readable({
    read() {
      given += 65_536;
      this.push(Buffer.alloc(65_536));
    },
  });
  const error = await t.throwsAsync(readSmallFile(endless, '/etc/passwd'), {name: 'DriverError'});
  t.regex(error?.message ?? '', /\/etc\/passwd has more than/);
  t.true(endless.destroyed);
  t.true(given < 2 * longestFile);
});
