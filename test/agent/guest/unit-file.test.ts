import test from 'ava';
import {parseExit, parseStarted, parseUnits} from '../../../agent/guest/unit-file.ts';

const exits: {line: string; exitCode: number; message: string}[] = [
  {line: 'web h i exit-code exited 3', exitCode: 3, message: 'exited with code 3'},
  {line: 'web h i success exited 0', exitCode: 0, message: 'exited with code 0'},
  {line: 'web h i signal killed KILL', exitCode: 137, message: 'was killed by SIGKILL'},
  {line: 'web h i core-dump dumped SEGV', exitCode: 139, message: 'was killed by SIGSEGV'},
  {line: 'web h i oom-kill killed KILL', exitCode: 137, message: 'ran out of memory and was killed'},
  {line: 'web h i exit-code exited 200', exitCode: 200, message: 'its directory is missing'},
  {line: 'web h i resources  ', exitCode: 128, message: 'could not be started (resources)'},
];

for (const {line, exitCode, message} of exits) {
  test(`an exit is read: ${line}`, t => {
    t.deepEqual(parseExit(line), {name: 'web', hash: 'h', invocation: 'i', exitCode, message});
  });
}

test('a line that is no exit is passed over', t => {
  t.is(parseExit(''), undefined);
  t.is(parseExit('web h'), undefined);
});

test('units that run, and the last exits of those that do not, are read from one listing', t => {
  const listing = `Id=workspace-db.service
ActiveState=active
MainPID=41
InvocationID=aa
Description=db h1

Id=workspace-web.service
ActiveState=failed
MainPID=0
InvocationID=bb
Description=web h2

Id=workspace-new.service
ActiveState=inactive
MainPID=0
InvocationID=
Description=new h3
--
web h2 b0 exit-code exited 1
db h1 a0 signal killed TERM
web h2 bb exit-code exited 2
`;
  t.deepEqual(parseUnits(listing), [
    {name: 'db', hash: 'h1', invocation: 'aa', pid: 41},
    {
      name: 'web',
      hash: 'h2',
      invocation: 'bb',
      exit: {name: 'web', invocation: 'bb', exitCode: 2, message: 'exited with code 2'},
    },
  ]);
});

test('an empty listing has no units', t => {
  t.deepEqual(parseUnits('--\n'), []);
});

test('a start is answered with its invocation, and with the process when there is one', t => {
  t.deepEqual(parseStarted('MainPID=7\nInvocationID=ab12\n'), {invocation: 'ab12', pid: 7});
  t.deepEqual(parseStarted('MainPID=0\nInvocationID=ab12\n'), {invocation: 'ab12'});
  t.deepEqual(parseStarted('Failed to start'), {invocation: ''});
});
