import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {canRun, findAccelerator} from '../../../agent/qemu/accelerator.ts';
import {imageFiles} from '../../../agent/qemu/images.ts';
import {runProgram} from '../../../agent/qemu/run-program.ts';
import {onQemu} from './fixture.ts';

onQemu(({program, tarball}) => {
  let folder = '';
  let kernel = '';
  test.before(async () => {
    folder = await mkdtemp(join(process.env.NEXUS_TEST_RUN ?? tmpdir(), 'kernel-'));
    kernel = join(folder, imageFiles.kernel);
    const machine = tarball.replace(/\.tar\.zst$/, '.machine.tar');
    await runProgram('tar', ['--extract', '--file', machine, '--directory', folder, imageFiles.kernel]);
  });
  test.after.always(async () => await rm(folder, {recursive: true, force: true}));

  test('a trial tells that the first program of a machine has run', async t => {
    t.true(await canRun({program, kernel, accelerator: 'tcg'}));
  });

  test('a machine whose kernel does not begin has not run', async t => {
    t.false(await canRun({program, kernel: program, accelerator: 'tcg'}));
  });
});

test('where no machine can be begun at all, the processor would be emulated', async t => {
  t.is(await findAccelerator('/no/such/program', '/no/such/kernel'), 'tcg');
});
