import test from 'ava';
import {usurpation} from '../../../controller/workspace/usurper.ts';
import {runningInstance} from '../../fakes/instances.ts';
import {workspaceOf} from './fixtures.ts';

const instance = {name: 'nexus-u', state: runningInstance('u').state} as const;
const named = (name: string, status = {}) => workspaceOf({}, {metadata: {name, uid: 'u'}, status});

test("a uid that no other workspace has is nobody else's", t => {
  t.is(usurpation(named('a'), [named('a')]), undefined);
});

test('who claims the uid of a workspace that has an instance must not touch that, and the other goes on', t => {
  const right = named('right', {instance});
  const wrong = named('wrong');
  t.regex(
    usurpation(wrong, [right, wrong]) ?? '',
    /claims the uid u, which right has: delete the one that is not right/,
  );
  t.is(usurpation(right, [right, wrong]), undefined);
});

test('where it can not be told whose the instance is, nobody touches it', t => {
  for (const status of [{}, {instance}]) {
    const [one, other] = [named('one', status), named('other', status)];
    t.regex(usurpation(one, [one, other]) ?? '', /which other has/);
    t.regex(usurpation(other, [one, other]) ?? '', /which one has/);
  }
});
