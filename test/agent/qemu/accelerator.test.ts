import test from 'ava';
import {canRun, findAccelerator} from '../../../agent/qemu/accelerator.ts';
import {onQemu} from './fixture.ts';

onQemu(({program}) => {
  test('a trial tells that a machine has run', async t => {
    t.true(await canRun(program, 'tcg'));
  });
});

test('where no machine can be begun at all, the processor would be emulated', async t => {
  t.is(await findAccelerator('/no/such/program'), 'tcg');
});
