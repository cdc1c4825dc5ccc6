import test from 'ava';
import type {Workspace} from '../../../api/v1alpha1/workspace.ts';
import {createSpecCheck, invalidStatus} from '../../../controller/workspace/invalid-spec.ts';
import {now, workspaceOf} from './fixtures.ts';

const check = createSpecCheck();
const cyclic = [
  {name: 'a', command: 'true', dependsOn: ['b'], restart: 'always', env: {}},
  {name: 'b', command: 'true', dependsOn: ['a'], restart: 'always', env: {}},
] satisfies Workspace['spec']['services'];

test('a spec that the REST API accepts is valid', t => {
  t.is(check(workspaceOf()), undefined);
});

test('what is wrong with a spec is said as the REST API says it', t => {
  const workspace = workspaceOf();
  const spec = {...workspace.spec, services: cyclic};
  t.regex(check({...workspace, spec}) ?? '', /^spec\.services\[0\]\.dependsOn .*a → b → a/);
});

test('the status says so, keeps what was known, and is the same the next time', t => {
  const workspace = workspaceOf({}, {status: {phase: 'Running', node: 'one'}, metadata: {generation: 3}});
  const status = invalidStatus(workspace, 'spec.x is wrong', now);
  t.like(status, {phase: 'Error', node: 'one', observedGeneration: 3});
  t.like(status.conditions?.[0], {
    type: 'Ready',
    status: 'False',
    reason: 'InvalidSpec',
    observedGeneration: 3,
  });
  t.regex(status.conditions?.[0]?.message ?? '', /spec\.x is wrong.*nexus edit workspace shop/);
  t.deepEqual(invalidStatus({...workspace, status}, 'spec.x is wrong', now + 1000), status);
});
