import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {findAccelerator, runTrial} from '../../../agent/qemu/accelerator.ts';
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
    // As long as an emulated kernel takes on a machine that is busy otherwise: that it is quick is not what is shown here.
    t.timeout(300_000);
    t.is(await runTrial({program, kernel, accelerator: 'tcg', patience: 240_000}), 'ran');
  });

  test('a machine whose kernel does not begin has not run', async t => {
    t.is(await runTrial({program, kernel: program, accelerator: 'tcg'}), 'failed');
  });
});

test('where no machine can be begun at all, the processor would be emulated', async t => {
  t.deepEqual(await findAccelerator('/no/such/program', '/no/such/kernel'), {
    accelerator: 'tcg',
    isCertain: false,
  });
});
