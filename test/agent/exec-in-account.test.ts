import {spawnSync} from 'node:child_process';
import {tmpdir} from 'node:os';
import test from 'ava';
import {commandIn, environmentOf} from '../../agent/exec-in-account.ts';

function run(directory: string, ...command: string[]) {
  const [program = '', ...args] = commandIn(directory, command);
  const {status, stdout} = spawnSync(program, args, {encoding: 'utf8', cwd: '/'});
  return {status, stdout};
}

test('a command runs in the folder, with its words as they are', t => {
  t.deepEqual(run(tmpdir(), 'sh', '-c', 'pwd; printf "%s|" "$@"', 'sh', 'a b', '$HOME', '-n', ''), {
    status: 0,
    stdout: `${tmpdir()}\na b|$HOME|-n||`,
  });
  t.is(run('/', 'sh', '-c', 'exit 3').status, 3);
});

test('a folder or a command that is not there is told by the exit code', t => {
  t.deepEqual(run('/nowhere', 'echo', 'ran'), {status: 1, stdout: ''});
  t.deepEqual(run('-P', 'echo', 'ran'), {status: 1, stdout: ''});
  t.deepEqual(run('/', 'no-such-command'), {status: 127, stdout: ''});
});

test('the environment is that of a login, and what is given goes before it', t => {
  const account = {name: 'dev', uid: 1000, gid: 1000, home: '/home/dev'};
  const login = environmentOf(account, {});
  t.like(login, {HOME: '/home/dev', USER: 'dev', LOGNAME: 'dev'});
  t.false('TERM' in login);
  const tty = {columns: 80, rows: 24, term: 'xterm'};
  t.like(environmentOf(account, {env: {USER: 'ada', LANG: 'C'}, tty}), {
    USER: 'ada',
    LANG: 'C',
    TERM: 'xterm',
    HOME: '/home/dev',
  });
});
