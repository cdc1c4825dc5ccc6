import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import {scripts} from '../../../agent/guest/scripts.ts';

/** The first word of the script, in an image where systemd has made its folder by the n-th `sleep`, each of which takes no time. */
async function firstWord(t: ExecutionContext, {systemdAfter}: {systemdAfter: number}) {
  const root = mkdtempSync(join(tmpdir(), 'nexus-services-'));
  t.teardown(() => rmSync(root, {recursive: true, force: true}));
  const [units, tools, slept] = [join(root, 'units'), join(root, 'tools'), join(root, 'slept')];
  mkdirSync(tools);
  writeFileSync(slept, '');
  const tool = (name: string, text: string) =>
    writeFileSync(join(tools, name), `#!/bin/bash\n${text}\n`, {mode: 0o755});
  tool('systemctl', 'exit 0');
  tool('sleep', `echo >>'${slept}'; [ "$(wc -l <'${slept}')" != ${systemdAfter} ] || mkdir '${units}'`);
  const text = scripts.services
    .replace('units=/run/systemd/system\n', `units='${units}'\n`)
    .replace('\nrun=/run/nexus\n', `\nrun='${join(root, 'run')}'\n`);
  t.false(/^ *(?:units|run)=\/run/m.test(text));

  const child = spawn('/bin/bash', ['-c', text], {
    env: {PATH: `${tools}:${process.env.PATH}`, HOME: root},
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [word] = await once(createInterface({input: child.stdout}), 'line');
  child.stdin.end();
  await exited;
  child.stdout.destroy();
  return {word, sleeps: readFileSync(slept, 'utf8').length};
}

test('an instance that was started this moment is waited for until systemd is there', async t => {
  t.deepEqual(await firstWord(t, {systemdAfter: 3}), {word: 'ready', sleeps: 3});
});

test('an image in which systemd does not come is told as such, after a while', async t => {
  t.deepEqual(await firstWord(t, {systemdAfter: 1000}), {word: 'unsupported', sleeps: 100});
});
