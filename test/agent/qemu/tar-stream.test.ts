import assert from 'node:assert/strict';
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import test from 'ava';
import {packFiles, unpackFiles} from '../../../agent/qemu/tar-stream.ts';
import {eventually} from '../../e2e/eventually.ts';

const {signal} = new AbortController();

test('what is packed is unpacked, also when its end is told later than it comes', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-tar-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  await writeFile(join(folder, 'file'), 'content');
  const tarball = await buffer(packFiles([{folder, name: 'file'}]));
  await rm(join(folder, 'file'));

  const content = new Readable({read() {}});
  content.push(tarball);
  const unpacking = unpackFiles(content, {folder, names: ['file'], signal});
  // By then tar is about to end, or has.
  await eventually(async () => assert.equal(await readFile(join(folder, 'file'), 'utf8'), 'content'));
  await unwatched(folder);
  content.push(null);
  await t.notThrowsAsync(unpacking);
});

/** Resolves once no program works for this folder any more. */
async function unwatched(folder: string): Promise<void> {
  await eventually(async () => {
    const ids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
    const commands = await Promise.all(
      ids.map(id => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
    );
    assert.ok(!commands.some(command => command.includes(folder)));
  });
}
