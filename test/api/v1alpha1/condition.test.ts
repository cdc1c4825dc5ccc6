import test from 'ava';
import {findCondition, setCondition} from '../../../api/v1alpha1/condition.ts';

const statement = {
  type: 'Ready',
  status: 'False',
  reason: 'Creating',
  message: 'The instance is being created.',
} as const;
const early = '2026-01-01T00:00:00.000Z';
const late = '2026-01-01T00:01:00.000Z';

test('a new condition is dated with the time at which it was stated', t => {
  t.deepEqual(setCondition([], statement, early), [{...statement, lastTransitionTime: early}]);
});

test('stating the same status again keeps the time of the transition and takes the new reason', t => {
  const first = setCondition([], statement, early);
  const [ready] = setCondition(first, {...statement, reason: 'Starting', message: 'It starts.'}, late);
  t.is(ready?.lastTransitionTime, early);
  t.is(ready?.reason, 'Starting');
});

test('a change of status moves the time of the transition', t => {
  const first = setCondition([], statement, early);
  t.is(setCondition(first, {...statement, status: 'True'}, late)[0]?.lastTransitionTime, late);
});

test('other conditions and their order are kept', t => {
  const first = setCondition(setCondition([], {...statement, type: 'Scheduled'}, early), statement, early);
  const second = setCondition(first, {...statement, type: 'Scheduled', status: 'True'}, late);
  t.deepEqual(
    second.map(({type}) => type),
    ['Scheduled', 'Ready'],
  );
  t.is(findCondition(second, 'Ready')?.lastTransitionTime, early);
});

test('a condition that was never stated is not found', t => {
  t.is(findCondition(undefined, 'Ready'), undefined);
  t.is(findCondition([], 'Ready'), undefined);
});
