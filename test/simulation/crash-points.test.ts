import test from 'ava';
import {instanceFinalizer} from '../../api/v1alpha1/workspace.ts';
import {aWorkspace} from '../contracts/storage/samples.ts';
import {notConverged, orphans} from './convergence.ts';
import type {World} from './world.ts';
import {createWorld} from './world.ts';

const minute = 60_000;

/** Creates a workspace, changes it, stops it, starts it, deletes it, each once the one before has settled. */
async function story(world: World): Promise<string[]> {
  const {storage} = world;
  await world.nodes[0]?.startAgent();
  world.startServer();
  const spec = {
    repo: {name: 'shop', url: 'https://example.com/acme/shop.git'},
    setup: ['npm ci'],
    services: [{name: 'web', command: 'npm run dev', port: 3000}],
  };
  const steps: (() => Promise<unknown>)[] = [
    () =>
      storage.create('Workspace', aWorkspace('shop', {metadata: {finalizers: [instanceFinalizer]}, spec})),
    () => change(world, {setup: ['npm ci', 'npm run build']}),
    () => change(world, {running: false}),
    () => change(world, {running: true}),
    () => storage.delete('Workspace', 'shop'),
  ];
  const problems: string[] = [];
  for (const [index, step] of steps.entries()) {
    await step();
    const deadline = world.clock.now() + 10 * minute;
    let wrong = ['not begun'];
    while (wrong.length > 0 && world.clock.now() < deadline) {
      await world.clock.run(world.clock.now() + 1000);
      if (world.server === undefined) {
        world.startServer();
      }

      wrong = [...(await notConverged(world)), ...(await orphans(world))];
    }

    problems.push(...wrong.map(fault => `step ${index + 1}: ${fault}`));
  }

  return [...problems, ...world.violations.map(({message}) => message)];
}

async function change({storage}: World, spec: object): Promise<void> {
  const present = await storage.get('Workspace', 'shop');
  await storage.update('Workspace', {...present, spec: {...present.spec, ...spec}});
}

async function countWrites(): Promise<number> {
  let writes = 0;
  await using world = await createWorld({
    seed: 'story',
    nodes: 1,
    onWrite(phase) {
      writes += phase === 'before' ? 1 : 0;
    },
  });
  const problems = await story(world);
  if (problems.length > 0) {
    throw new Error(problems.join('; '));
  }

  return writes;
}

for (const when of ['before', 'after'] as const) {
  test(`a server that dies ${when} any one of its writes loses nothing but time`, async t => {
    const writes = await countWrites();
    t.true(writes > 20);
    for (let fatal = 1; fatal <= writes; fatal += 1) {
      let count = 0;
      await using world = await createWorld({
        seed: 'story',
        nodes: 1,
        onWrite(phase, process) {
          count += phase === when ? 1 : 0;
          if (phase === when && count === fatal) {
            process.kill();
          }
        },
      });
      t.deepEqual(await story(world), [], `it died ${when} write ${fatal}`);
      t.true(count >= fatal);
    }
  });
}
