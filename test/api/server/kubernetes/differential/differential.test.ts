import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {findCluster, needsCluster} from '../../../storage/kubernetes/cluster.ts';
import {badObjects} from './bad-objects.ts';
import type {Difference} from './differences.ts';
import {differences} from './differences.ts';
import {mask} from './masking.ts';
import type {Body} from './sequences.ts';
import {sequences} from './sequences.ts';
import {clusterSide, nexusSide} from './sides.ts';

/** The same requests to a real API server with Nexus's definitions and to Nexus on SQLite; what differs is a list that is kept. */
const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('differential');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());
  const all = [...sequences, ...badObjects];

  for (const [index, {title, steps}] of all.entries()) {
    test.serial(`like a cluster: ${title}`, async t => {
      await using theirs = await clusterSide(cluster, `nexus-diff-${process.pid}-${index}`);
      await using ours = await nexusSide();
      let last: {theirs: unknown; ours: unknown} = {theirs: undefined, ours: undefined};
      for (const {call, differs, status} of steps) {
        const made = (body: unknown) => (typeof call === 'function' ? call(body as Body) : call);
        const what = JSON.stringify(made(last.ours)).slice(0, 200);
        const [expected, actual] = await Promise.all([
          theirs.send(made(last.theirs)),
          ours.send(made(last.ours)),
        ]);
        last = {theirs: expected.body, ours: actual.body};
        const [left, right] = [mask(actual, ours), mask(expected, theirs)];
        if (differs === undefined) {
          t.deepEqual(left, right, what);
        } else {
          t.notDeepEqual(left, right, `no longer different (${differs}): ${what}`);
          t.is(actual.status, status ?? 0, what);
        }
      }
    });
  }

  test('each difference is tried, and stands in the documentation', async t => {
    const tried = new Set(all.flatMap(({steps}) => steps.flatMap(({differs}) => differs ?? [])));
    t.deepEqual([...tried].sort(), Object.keys(differences).sort() as Difference[]);
    const page = await readFile(path.join(import.meta.dirname, '../../../../../docs/kubernetes.md'), 'utf8');
    for (const text of Object.values(differences)) {
      t.true(page.includes(`| ${text} |`), text);
    }
  });
}
