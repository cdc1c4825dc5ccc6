import {Readable} from 'node:stream';
import type {DriverSuite} from './suite.ts';

/** Files in and out. */
export function filesContract({it, needs, itReally, box, run, fails, instance}: DriverSuite): void {
  const dev = {mode: 0o640, uid: 1000, gid: 1000};

  it('what is written is read again, and replaces what was there', async (t, {driver}) => {
    const path = '/home/dev/ä file';
    for (const content of ['a longer text', '', 'short']) {
      await driver.writeFile(box(), path, new TextEncoder().encode(content), dev);
      t.is(new TextDecoder().decode(await driver.readFile(box(), path)), content);
    }
  });

  it('a stream is written whole, byte by byte the same', async (t, {driver}) => {
    const block = Uint8Array.from({length: 65_536}, (_, index) => index % 251);
    await driver.writeFile(box(), '/home/dev/stream', Readable.from([block, block, block]), dev);
    t.deepEqual(
      Buffer.from(await driver.readFile(box(), '/home/dev/stream')),
      Buffer.concat([block, block, block]),
    );
  });

  needs('OfflineFiles')('files of what does not run can be read and written', async (t, {driver}) => {
    const {uid} = await instance(t);
    await driver.writeFile(uid, '/home/dev/x', new TextEncoder().encode('text'), dev);
    t.is(new TextDecoder().decode(await driver.readFile(uid, '/home/dev/x')), 'text');
  });

  it('a file that is not there is NotFound', async (t, {driver}) => {
    await fails(t, 'NotFound', driver.readFile(box(), '/home/dev/missing'));
  });

  itReally('a file that has no end for all that matters is not taken into memory', async (t, {driver}) => {
    const path = '/home/dev/huge';
    t.is((await run(['truncate', '--size', '4G', path])).exitCode, 0);
    await fails(t, 'Internal', driver.readFile(box(), path));
    t.is((await run(['rm', path])).exitCode, 0);
  });

  itReally('a file has the mode and the owner that were asked for', async (t, {driver}) => {
    const path = '/home/dev/modes';
    await driver.writeFile(box(), path, new TextEncoder().encode('x'), dev);
    t.is((await run(['stat', '-c', '%a %u %g', path])).stdout, '640 1000 1000\n');
    await driver.writeFile(box(), path, new TextEncoder().encode('x'), {mode: 0o600, uid: 0, gid: 0});
    t.is((await run(['stat', '-c', '%a %u %g', path])).stdout, '600 0 0\n');
  });

  itReally(
    'a folder is not read as a file, and nothing is written into one that is missing',
    async (t, {driver}) => {
      await t.throwsAsync(driver.readFile(box(), '/home/dev'), {name: 'DriverError'});
      const content = new TextEncoder().encode('x');
      await fails(t, 'NotFound', driver.writeFile(box(), '/home/dev/no/such/x', content, dev));
    },
  );
}
