import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {raiseKernelLimits} from '../../../agent/system/kernel-limits.ts';
import {silentLogger} from '../../../api/effects/logger.ts';

test('limits that are too low are raised, higher ones stay, and what can’t be changed is passed over', async t => {
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-limits-'));
  t.teardown(async () => await rm(folder, {recursive: true}));
  const warnings: string[] = [];
  const log = {...silentLogger, warn: (_: object, message: string) => void warnings.push(message)};
  await raiseKernelLimits({log, folder});
  t.is(warnings.length, 2);

  const file = (name: string) => path.join(folder, 'fs/inotify', name);
  await mkdir(path.join(folder, 'fs/inotify'), {recursive: true});
  await writeFile(file('max_user_instances'), '128\n');
  await writeFile(file('max_user_watches'), '2000000\n');
  await raiseKernelLimits({log, folder});
  t.is(await readFile(file('max_user_instances'), 'utf8'), '1048576\n');
  t.is(await readFile(file('max_user_watches'), 'utf8'), '2000000\n');
  t.is(warnings.length, 2);
});
