import test from 'ava';
import {parseFacts} from '../../../agent/guest/git-facts.ts';
import {parseSetupResult} from '../../../agent/guest/setup-result.ts';
import {parseExit, parseStarted, parseUnits} from '../../../agent/guest/unit-file.ts';
import {instance} from '../../../api/agent/v1alpha1/instance.ts';

// Who is root in a workspace can replace bash, git and systemctl. What they say must stay within what the protocol carries: one message that
// does not would take the list of all the node's instances with it.

const huge = '9'.repeat(400);

test('the result of a setup that no setup has is none', t => {
  t.is(parseSetupResult(`result ${huge} 0\n`), undefined);
  t.is(parseSetupResult(`result 0 ${huge}\n`), undefined);
  t.is(parseSetupResult('result 0\n'), undefined);
  t.deepEqual(parseSetupResult('step 0\nresult 3 1\nit broke\n'), {
    exitCode: 3,
    step: 1,
    message: 'it broke',
  });
});

test('of the output of a setup only the end is told', t => {
  const {message = ''} = parseSetupResult(`result 1 0\n${'x'.repeat(1_000_000)}end\n`) ?? {};
  t.true(message.length <= 4000);
  t.true(message.endsWith('end'));
});

test('exit codes and process ids that no system has are none', t => {
  t.is(parseExit(`web h i exit-code exited ${huge}`), undefined);
  t.is(parseExit('web h i exit-code exited -1'), undefined);
  t.is(parseExit('web h i exit-code exited x'), undefined);
  t.deepEqual(parseStarted(`MainPID=${huge}\nInvocationID=ab\n`), {invocation: 'ab'});
  const unit = (pid: string) =>
    `Id=workspace-web.service\nActiveState=active\nMainPID=${pid}\nInvocationID=i\nDescription=web h\n--\n`;
  t.deepEqual(parseUnits(unit(huge)), []);
  t.is(parseUnits(unit('7'))[0]?.pid, 7);
});

test('facts of a clone stay as large as facts are', t => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const {commit, branch, notMerged, configuration} = parseFacts(
    [
      `commit ${'f'.repeat(5000)}`,
      `branch ${'b'.repeat(5000)}`,
      `notMerged ${'n'.repeat(5000)}`,
      `files ${base64(`a\0${'x'.repeat(5000)}\0`)}`,
      `nexusConfig ${base64('c'.repeat(300_000))}`,
      `packageJson ${base64('{}')}`,
      '',
    ].join('\n'),
  );
  t.is(commit, undefined);
  t.is(branch, undefined);
  t.is(notMerged?.length, 500);
  t.deepEqual(configuration, {files: ['a'], packageJson: '{}'});
  t.true(instance.shape.repository.unwrap().shape.configuration.safeParse(configuration).success);
});
