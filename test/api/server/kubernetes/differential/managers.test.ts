import test from 'ava';
import fc from 'fast-check';
import {findCluster, needsCluster} from '../../../storage/kubernetes/cluster.ts';
import {mask} from './masking.ts';
import {clusterSide, nexusSide} from './sides.ts';

/** What several managers do to one object, in any order, comes to the same on a real API server and on Nexus: the object, its owners, and each refusal. */
const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('managers');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());

  const service = fc.record(
    {
      name: fc.constantFrom('a', 'b', 'c'),
      command: fc.constantFrom('x', 'y'),
      port: fc.constantFrom(1, 2, 3),
      env: fc.dictionary(fc.constantFrom('A', 'B'), fc.constantFrom('1', '2'), {maxKeys: 2}),
    },
    {requiredKeys: ['name', 'command']},
  );
  const spec = fc.record(
    {
      image: fc.constantFrom('x/y', 'x/z'),
      running: fc.boolean(),
      env: fc.dictionary(fc.constantFrom('A', 'B'), fc.constantFrom('1', '2'), {maxKeys: 2}),
      setup: fc.array(fc.constantFrom('p', 'q'), {maxLength: 2}),
      resources: fc.record(
        {cpus: fc.constantFrom(1, 2), memory: fc.constantFrom('1GiB', '2GiB')},
        {requiredKeys: []},
      ),
      services: fc.uniqueArray(service, {maxLength: 3, selector: ({name}) => name}),
    },
    {requiredKeys: []},
  );
  const labels = fc.dictionary(fc.constantFrom('l', 'm'), fc.constantFrom('1', '2'), {maxKeys: 2});
  const operation = fc.record({
    verb: fc.constantFrom('apply', 'apply', 'apply', 'force', 'merge', 'create', 'delete'),
    manager: fc.constantFrom('one', 'two'),
    spec,
    labels: fc.option(labels, {nil: undefined}),
  });

  test('like a cluster: any sequence of what two managers do', async t => {
    await using theirs = await clusterSide(cluster, `nexus-managers-${process.pid}`);
    await using ours = await nexusSide();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, {minLength: 3, maxLength: 9}), async operations => {
        run += 1;
        const name = `w${run}`;
        for (const step of operations) {
          const call = callOf(step, name);
          const answers = await Promise.all(
            [ours, theirs].map(async side => mask(await side.send(call), side)),
          );
          t.deepEqual(answers[0], answers[1], JSON.stringify(call));
        }
      }),
      {numRuns: 60, endOnFailure: true, ...seedOf(process.env.NEXUS_TEST_SEED)},
    );
    t.is(run, 60);
  });
}

type Operation = {
  readonly verb: string;
  readonly manager: string;
  readonly spec: object;
  readonly labels: object | undefined;
};

/** On a Workspace that carries the finalizer on both, so that its deletion takes its time on both. */
function callOf({verb, manager, spec, labels}: Operation, name: string) {
  const object = {
    apiVersion: 'nexus.dev/v1alpha1',
    kind: 'Workspace',
    metadata: {
      name,
      finalizers: ['nexus.dev/instance'],
      ...(labels === undefined ? {} : {labels}),
    },
    spec: {owner: 'admin', ...spec},
  };
  const one = `NS/workspaces/${name}`;
  const query = `?fieldManager=${manager}`;
  switch (verb) {
    case 'apply':
    case 'force':
      return {
        method: 'PATCH' as const,
        path: `${one}${query}&force=${verb === 'force'}`,
        type: 'application/apply-patch+yaml',
        body: object,
      };
    case 'merge':
      return {
        method: 'PATCH' as const,
        path: `${one}${query}`,
        type: 'application/merge-patch+json',
        body: {spec, ...(labels === undefined ? {} : {metadata: {labels}})},
      };
    case 'create':
      return {method: 'POST' as const, path: `NS/workspaces${query}`, body: object};
    default:
      return {method: 'DELETE' as const, path: one};
  }
}

/** The same sequences each time, unless another seed is given: what is new is found by hand, not by a run that has nothing to do with it. */
function seedOf(given: string | undefined): {seed: number} {
  return {seed: given === undefined ? 20_261_128 : Number(given)};
}
