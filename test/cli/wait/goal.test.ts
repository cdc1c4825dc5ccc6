import test from 'ava';
import {describeGoal, isReached, parseGoal} from '../../../cli/wait/goal.ts';
import {changed} from '../../../cli/wait/progress.ts';
import {fresh, shop} from '../output/literals.ts';

const parsed: readonly (readonly [string, object])[] = [
  ['condition=Ready', {type: 'Condition', condition: 'Ready', status: 'True'}],
  ['condition=Ready=false', {type: 'Condition', condition: 'Ready', status: 'False'}],
  ['delete', {type: 'Delete'}],
  ['jsonpath={.status.phase}=Running', {type: 'JsonPath', path: '{.status.phase}', value: 'Running'}],
  ['jsonpath={.status.ssh}', {type: 'JsonPath', path: '{.status.ssh}'}],
  [
    'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True',
    {type: 'JsonPath', path: '{.status.conditions[?(@.type=="Ready")].status}', value: 'True'},
  ],
];

for (const [text, goal] of parsed) {
  test(`${text} is understood`, t => {
    t.deepEqual(parseGoal(text), goal as never);
  });
}

for (const text of ['', 'Ready', 'condition=', 'jsonpath={.a[}=1', 'deleted']) {
  test(`"${text}" is nothing to wait for`, t => {
    t.throws(() => parseGoal(text), {name: 'CliError'});
  });
}

const reached: readonly (readonly [string, typeof shop | undefined, boolean])[] = [
  ['condition=SshReady', shop, true],
  ['condition=Ready', shop, false],
  ['condition=Ready=False', shop, true],
  ['condition=Ready', fresh, false],
  ['condition=Ready', undefined, false],
  ['delete', undefined, true],
  ['delete', shop, false],
  ['jsonpath={.status.phase}=Running', shop, true],
  ['jsonpath={.status.ssh.port}=2222', shop, true],
  ['jsonpath={.status.ssh.port}', fresh, false],
];

for (const [text, resource, expected] of reached) {
  test(`${text} is ${expected ? '' : 'not '}reached by ${resource?.metadata.name ?? 'what is gone'}`, t => {
    t.is(isReached(parseGoal(text), resource), expected);
  });
}

test('a condition that was judged on an older spec does not count', t => {
  const outdated = {...shop, metadata: {...shop.metadata, generation: 3}};
  t.false(isReached(parseGoal('condition=SshReady'), outdated));
});

test('goals are told in words', t => {
  t.deepEqual(
    parsed.map(([text]) => describeGoal(parseGoal(text))),
    [
      'Ready',
      'Ready to be False',
      'deletion',
      '{.status.phase} to be Running',
      '{.status.ssh}',
      '{.status.conditions[?(@.type=="Ready")].status} to be True',
    ],
  );
});

test('progress tells at first what does not hold, then what changes', t => {
  const [sshReady, ready] = shop.status?.conditions ?? [];
  if (sshReady === undefined || ready === undefined) {
    throw new Error('the literal has two conditions');
  }

  t.deepEqual(changed(undefined, [sshReady, ready]), [ready]);
  t.deepEqual(changed([sshReady, ready], [sshReady, ready]), []);
  t.deepEqual(changed([ready], [{...ready, reason: 'Other'}, sshReady]), [
    {...ready, reason: 'Other'},
    sshReady,
  ]);
});
