import test from 'ava';
import type {Instance} from '../../../api/agent/v1alpha1/instance.ts';
import type {FailureBook} from '../../../controller/workspace/failures.ts';
import {
  closeBook,
  countFailure,
  isFailing,
  isHeld,
  openBook,
} from '../../../controller/workspace/failures.ts';
import {desiredFor, healthyInstance, now, present, without, workspaceOf} from './fixtures.ts';

const at = '2026-11-20T09:59:00.000Z';
const earlier = '2026-11-20T09:50:00.000Z';
const options = {now, jitter: 0};
const failure = {operation: 'Clone', code: 'NetworkUnreachable', message: 'no route'};
const lastError: Instance['lastError'] = {...failure, operation: 'Clone', code: 'NetworkUnreachable', at};
const clone = {type: 'Clone', repository: {directory: 'shop'}} as const;
const start = {type: 'Start'} as const;
const desired = desiredFor();
const open = (workspace = workspaceOf(), instance = healthyInstance()) =>
  openBook(workspace, {desired, sight: present(instance)}, options);

test('each failure doubles the wait, from a second up to five minutes', t => {
  let book: FailureBook = {count: 0};
  const waits: number[] = [];
  for (let count = 0; count < 12; count += 1) {
    book = countFailure(book, failure, options);
    waits.push(((book.nextAttemptAt ?? 0) - now) / 1000);
  }

  t.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
});

test('jitter takes off at most a fifth', t => {
  const book = countFailure({count: 9}, failure, {now, jitter: 1});
  t.is(book.nextAttemptAt, now + 240_000);
});

test('what retrying does not mend waits five minutes at once and shows as an error at once', t => {
  const book = countFailure({count: 0}, {...failure, code: 'ImageNotFound'}, options);
  t.is(book.nextAttemptAt, now + 300_000);
  t.true(isFailing(book));
});

test('passing trouble shows as an error from the third failure on', t => {
  t.deepEqual(
    [0, 1, 2, 3].map(count => isFailing({count, last: {...failure, at}})),
    [false, false, false, true],
  );
});

test('what a node reports is counted once', t => {
  const first = open(workspaceOf(), healthyInstance({lastError}));
  t.like(first, {count: 1, last: {operation: 'Clone', reportedAt: at}});
  const status = {failures: 1, observedGeneration: 1, ...(first.last && {lastFailure: first.last})};
  t.is(open(workspaceOf({}, {status}), healthyInstance({lastError})).count, 1);
  const again = {...lastError, at: '2026-11-20T09:59:30.000Z'};
  t.is(open(workspaceOf({}, {status}), healthyInstance({lastError: again})).count, 2);
});

test('a new spec and a wish to retry forgive, and what was counted is not counted again', t => {
  const lastFailure = {...failure, at, reportedAt: at};
  const status = {failures: 5, lastFailure, nextAttemptAt: '2026-11-20T10:04:00.000Z'};
  const instance = healthyInstance({lastError});
  const same = workspaceOf({}, {status: {...status, observedGeneration: 1}});
  t.is(open(same, instance).count, 5);
  const changed = workspaceOf({}, {metadata: {generation: 2}, status: {...status, observedGeneration: 1}});
  t.deepEqual(open(changed, instance), {count: 0, last: lastFailure});
  const annotations = {'nexus.dev/retry-at': '2026-11-20T09:59:01.000Z'};
  const wished = workspaceOf({}, {metadata: {annotations}, status: {...status, observedGeneration: 1}});
  t.is(open(wished, instance).count, 0);
  const older = {'nexus.dev/retry-at': '2026-11-20T09:58:59.000Z'};
  const before = workspaceOf(
    {},
    {metadata: {annotations: older}, status: {...status, observedGeneration: 1}},
  );
  t.is(open(before, instance).count, 5);
  const nonsense = {'nexus.dev/retry-at': 'now'};
  const bad = workspaceOf(
    {},
    {metadata: {annotations: nonsense}, status: {...status, observedGeneration: 1}},
  );
  t.is(open(bad, instance).count, 5);
});

test('an operation past its deadline is a failure, once, and another time when it hangs anew', t => {
  const operation = {kind: 'Clone' as const, startedAt: '2026-11-20T09:44:00.000Z'};
  const instance = without(healthyInstance({operation}), 'repository');
  const first = open(workspaceOf(), instance);
  t.like(first, {count: 1, last: {code: 'TimedOut', operation: 'Clone'}});
  t.regex(first.last?.message ?? '', /given 900 s and was not done after 960 s/);
  const status = {failures: 1, observedGeneration: 1, ...(first.last && {lastFailure: first.last})};
  t.is(open(workspaceOf({}, {status}), instance).count, 1);
  const old = {
    failures: 1,
    observedGeneration: 1,
    lastFailure: {...failure, code: 'TimedOut', at: earlier.replace('50', '40')},
  };
  t.is(open(workspaceOf({}, {status: old}), instance).count, 2);
});

test('nothing is counted on what is not seen now', t => {
  const last = healthyInstance({lastError});
  const sight = {kind: 'Quiet', expiresAt: now + 1, last} as const;
  t.is(openBook(workspaceOf(), {desired, sight}, options).count, 0);
});

test('what failed is held, and what failed before it too; other things are not', t => {
  const one = countFailure({count: 0}, failure, options);
  t.true(isHeld(one, clone, now));
  t.false(isHeld(one, start, now));
  const two = countFailure(one, {...failure, operation: 'SetLimits'}, options);
  t.deepEqual(two.last?.also, ['Clone']);
  t.true(isHeld(two, clone, now));
  t.false(isHeld(two, clone, now + 2000));
});

test('failures are forgotten once what failed has succeeded, and not before', t => {
  const book: FailureBook = {count: 4, last: {...failure, at}, nextAttemptAt: now + 1};
  const close = (instance: Instance, wanted: readonly (typeof clone)[] = []) =>
    closeBook(book, {desired, sight: present(instance), wanted}).count;
  t.is(close(healthyInstance()), 0);
  t.is(close(without(healthyInstance(), 'repository'), [clone]), 4, 'it is still wanted');
  t.is(close(without(healthyInstance({state: 'Stopped', sshReady: false}), 'repository')), 4, 'it will be');
  const cloning = {operation: {kind: 'Clone' as const, startedAt: at}};
  t.is(close(without(healthyInstance(cloning), 'repository')), 4, 'it is being tried');
  t.is(closeBook(book, {desired, sight: {kind: 'Unplaced'}, wanted: []}).count, 4, 'nothing is seen');
});

test('an error that the node goes on reporting is remembered, so that it is not counted again', t => {
  const book: FailureBook = {count: 1, last: {...failure, at, reportedAt: at}};
  const closed = closeBook(book, {desired, sight: present(healthyInstance({lastError})), wanted: []});
  t.deepEqual(closed, {count: 0, last: {...failure, at, reportedAt: at}});
});
