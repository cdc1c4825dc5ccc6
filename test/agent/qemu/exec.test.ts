import {execFileSync} from 'node:child_process';
import {tmpdir} from 'node:os';
import test from 'ava';
import {commandLine} from '../../../agent/qemu/exec.ts';

const account = {name: 'root', uid: 0, gid: 0, home: '/'};

test('whatever is in a command, its arguments arrive as they are', t => {
  const nasty = ["it's", '$(touch /x)', '`x`', '"; exit 1', 'two\nlines', '', '*'];
  const line = commandLine({account, user: 'root', command: ['printf', '[%s]', ...nasty]});
  const [, ...output] = execFileSync('bash', ['-c', line], {encoding: 'utf8'}).split('\n');
  t.is(output.join('\n'), nasty.map(each => `[${each}]`).join(''));
});

test('a folder is gone to whatever it is called, and its absence is an error', t => {
  const line = (directory: string) => commandLine({account, user: 'root', command: ['pwd'], directory});
  t.regex(execFileSync('bash', ['-c', line(tmpdir())], {encoding: 'utf8'}), new RegExp(`${tmpdir()}\n$`));
  const error = t.throws(() => execFileSync('bash', ['-c', line("/no'such")], {stdio: 'pipe'}));
  t.like(error, {status: 1});
});

test('variables that sshd would set itself are passed on under another name', t => {
  const line = commandLine({
    account,
    user: 'root',
    command: ['printenv', 'PATH'],
    env: {PATH: '/x:/usr/bin:/bin'},
  });
  t.notRegex(line, /\/x:/);
  const env = {...process.env, NEXUS_ENV_PATH: '/x:/usr/bin:/bin'};
  t.regex(execFileSync('bash', ['-c', line], {encoding: 'utf8', env}), /\n\/x:\/usr\/bin:\/bin\n$/);
});
