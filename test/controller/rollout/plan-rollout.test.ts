import test from 'ava';
import type {RolloutNode} from '../../../controller/rollout/plan-rollout.ts';
import {busyLimit, planRollout} from '../../../controller/rollout/plan-rollout.ts';

const now = 10_000_000;

function node(name: string, changes: Partial<RolloutNode> = {}): RolloutNode {
  return {
    name,
    connected: true,
    runs: 'old',
    wanted: {package: 'new'},
    busy: false,
    pendingSince: undefined,
    workspaces: 0,
    failed: undefined,
    requestedAt: undefined,
    ...changes,
  };
}

const failed = {package: 'new', at: now - 1000, message: 'it did not come up. It runs old again.'};

function reasons(nodes: readonly RolloutNode[]) {
  const {next, conditions} = planRollout(nodes, now);
  return {next, reasons: Object.fromEntries([...conditions].map(([name, {reason}]) => [name, reason]))};
}

test('nothing is to be done where all is as it should be', t => {
  t.deepEqual(reasons([node('a', {runs: 'new'}), node('b', {wanted: 'elsewhere'})]), {
    next: undefined,
    reasons: {a: 'UpToDate', b: 'ManagedElsewhere'},
  });
});

test('the canary is the node with the fewest workspaces, and others wait for it', t => {
  const plan = reasons([node('a', {workspaces: 3}), node('c', {workspaces: 1}), node('b', {workspaces: 1})]);
  t.deepEqual(plan.next, {name: 'b', isCanary: true});
  t.deepEqual(plan.reasons, {a: 'UpgradePending', b: 'UpgradePending', c: 'UpgradePending'});
});

test('once a node has the new version, those that follow are no canaries', t => {
  t.deepEqual(reasons([node('a', {runs: 'new'}), node('b')]).next, {name: 'b', isCanary: false});
});

test('an agent that does not say what it was started from is of an earlier release, and upgraded', t => {
  t.is(reasons([node('a', {runs: undefined})]).next?.name, 'a');
});

test('of a node that is not connected nothing is said, and the others go on', t => {
  t.deepEqual(reasons([node('a', {connected: false}), node('b')]), {
    next: {name: 'b', isCanary: true},
    reasons: {b: 'UpgradePending'},
  });
});

test('a node on which something runs waits for its end, but not for ever', t => {
  t.deepEqual(reasons([node('a', {busy: true}), node('b', {workspaces: 9})]).next?.name, 'b');
  t.is(reasons([node('a', {busy: true, pendingSince: now - busyLimit + 1})]).next, undefined);
  t.is(reasons([node('a', {busy: true, pendingSince: now - busyLimit})]).next?.name, 'a');
});

test('a failure stops the rollout of that version, on that node and on all others', t => {
  const plan = planRollout([node('a', {failed}), node('b'), node('c', {runs: 'new'})], now);
  t.is(plan.next, undefined);
  t.deepEqual(
    [...plan.conditions.values()].map(({reason, status}) => [reason, status]),
    [
      ['UpgradeFailed', 'False'],
      ['RolloutStopped', 'False'],
      ['UpToDate', 'True'],
    ],
  );
  t.regex(
    plan.conditions.get('a')?.message ?? '',
    /It runs old again\. Try again with: nexus node upgrade a/,
  );
  t.regex(plan.conditions.get('b')?.message ?? '', /failed on a\. .*nexus node upgrade a/);
});

test('a failure of another version holds up nothing', t => {
  t.is(reasons([node('a', {failed: {...failed, package: 'older'}})]).next?.name, 'a');
});

test('what is asked for is done at once, and once for each time it is asked for', t => {
  const nodes = (requestedAt: number) => [
    node('a', {failed, requestedAt, busy: true, workspaces: 7}),
    node('b'),
  ];
  t.is(reasons(nodes(now)).next?.name, 'a');
  t.is(reasons(nodes(failed.at)).next, undefined);
  t.is(reasons([node('a', {workspaces: 7, requestedAt: now}), node('b')]).next?.name, 'a');
  t.is(reasons([node('a', {runs: 'new', requestedAt: now})]).next, undefined);
});

test('a machine that there is no package for is left alone, with the reason', t => {
  const {next, conditions} = planRollout([node('a', {wanted: {missing: 'no Node.js for riscv'}})], now);
  t.is(next, undefined);
  t.like(conditions.get('a'), {status: 'Unknown', reason: 'NoPackage'});
  t.regex(conditions.get('a')?.message ?? '', /no Node\.js for riscv/);
});
