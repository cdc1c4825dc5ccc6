import test from 'ava';
import {nameOf, parseKind, parseTargets, workspaceName} from '../../cli/resource-name.ts';

test('kinds go by plural, singular, short name, in any case', t => {
  t.deepEqual(['workspaces', 'workspace', 'ws', 'Workspace', 'no', 'NODES', 'ev', 'user'].map(parseKind), [
    'Workspace',
    'Workspace',
    'Workspace',
    'Workspace',
    'Node',
    'Node',
    'Event',
    'User',
  ]);
});

test('an unknown kind names the nearest one; secrets are no kind', t => {
  t.like(
    t.throws(() => parseKind('worksapces')),
    {hint: 'Did you mean workspaces?'},
  );
  t.throws(() => parseKind('token'), {name: 'CliError'});
});

test("targets are written in kubectl's ways", t => {
  t.deepEqual(parseTargets(['ws']), {kinds: ['Workspace'], targets: []});
  t.deepEqual(parseTargets(['ws,nodes']), {kinds: ['Workspace', 'Node'], targets: []});
  t.deepEqual(parseTargets(['ws', 'a', 'b']).targets.map(nameOf), ['workspace/a', 'workspace/b']);
  t.deepEqual(parseTargets(['ws/a', 'node/b']).targets.map(nameOf), ['workspace/a', 'node/b']);
});

for (const words of [['ws/'], ['ws/a/b'], ['ws/a', 'b'], ['/a']]) {
  test(`${words.join(' ')} names no resource`, t => {
    t.throws(() => parseTargets(words), {name: 'CliError'});
  });
}

test('a workspace may be written with its kind', t => {
  t.is(workspaceName('a'), 'a');
  t.is(workspaceName('workspace/setup'), 'setup');
  t.throws(() => workspaceName('node/a'), {name: 'CliError'});
});
