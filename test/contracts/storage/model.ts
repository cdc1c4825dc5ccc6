import test from 'ava';
import fc from 'fast-check';
import type {Storage, WatchEvent} from '../../../api/storage/storage.ts';
import {isStorageError} from '../../../api/storage/storage-error.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import {aWorkspace, finalizer, take, watchWorkspaces} from './samples.ts';

type Operation = {
  readonly verb: 'create' | 'update' | 'updateStatus' | 'delete';
  readonly name: string;
  readonly held: boolean;
  readonly running: boolean;
  readonly label: string;
  readonly phase: 'Pending' | 'Running';
  /** Which version the writer saw: the one there is, an old one, or none. */
  readonly version: 'fresh' | 'stale' | 'none';
};

/** What must be there, in the simplest words. */
type Expected = {
  generation: number;
  running: boolean;
  label: string;
  phase: string | undefined;
  held: boolean;
  deleting: boolean;
  seen: string[];
};

type Outcome = 'done' | 'unchanged' | 'removed' | 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Invalid';

const operation: fc.Arbitrary<Operation> = fc.record({
  verb: fc.constantFrom('create', 'update', 'update', 'updateStatus', 'updateStatus', 'delete'),
  name: fc.constantFrom('a', 'b', 'c'),
  held: fc.boolean(),
  running: fc.boolean(),
  label: fc.constantFrom('x', 'y'),
  phase: fc.constantFrom('Pending', 'Running'),
  version: fc.constantFrom('fresh', 'fresh', 'none', 'stale'),
});

export function modelContract(name: string, open: () => Promise<Storage>): void {
  test(`${name}: any sequence of operations does what the simplest model does, and the watch tells it`, async t => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, {minLength: 1, maxLength: 40}), async operations => {
        await using storage = await open();
        const {resourceVersion} = await storage.list('Workspace');
        const model = new Map<string, Expected>();
        let writes = 0;
        for (const each of operations) {
          const version = versionFor(each, model.get(each.name));
          const expected = predict(model, each, version);
          const actual = await perform(storage, each, version);
          t.is(
            actual.outcome === 'done' && expected === 'unchanged' ? 'unchanged' : actual.outcome,
            expected === 'removed' ? 'done' : expected,
          );
          writes += expected === 'done' || expected === 'removed' ? 1 : 0;
          await compare(storage, model, each.name, expected === 'done' ? actual.object : undefined);
        }

        using watch = watchWorkspaces(storage, {resourceVersion});
        const events = await take(watch.events, writes);
        const {items} = await storage.list('Workspace');
        t.deepEqual(fold(events), new Map(items.map(item => [item.metadata.name, item])));
        const versions = events.map(({object}) => object.metadata.resourceVersion);
        t.is(new Set(versions).size, versions.length);
      }),
      {numRuns: 60},
    );
  });

  const compare = async (
    storage: Storage,
    model: ReadonlyMap<string, Expected>,
    key: string,
    written: Stored<'Workspace'> | undefined,
  ) => {
    const expected = model.get(key);
    const actual = await storage.get('Workspace', key).catch(() => undefined);
    if (written !== undefined) {
      // The version is new, and what was answered is what is there.
      if (expected?.seen.includes(written.metadata.resourceVersion)) {
        throw new Error(`Version ${written.metadata.resourceVersion} was given twice`);
      }

      expected?.seen.push(written.metadata.resourceVersion);
    }

    const summary = actual && {
      generation: actual.metadata.generation,
      running: actual.spec.running,
      label: actual.metadata.labels?.tier,
      phase: actual.status?.phase,
      held: actual.metadata.finalizers?.includes(finalizer) ?? false,
      deleting: actual.metadata.deletionTimestamp !== undefined,
      version: actual.metadata.resourceVersion,
    };
    const {seen, ...rest} = expected ?? {seen: []};
    const wanted = expected && {...rest, version: seen.at(-1)};
    if (JSON.stringify(summary) !== JSON.stringify(wanted)) {
      throw new Error(`The store has ${JSON.stringify(summary)} and not ${JSON.stringify(wanted)}`);
    }
  };
}

function versionFor({version}: Operation, expected: Expected | undefined): string | undefined {
  if (version === 'none') {
    return undefined;
  }

  return version === 'fresh' ? expected?.seen.at(-1) : expected?.seen.at(0);
}

/** Changes the model as the operation must change the store, and says what must come of it. */
function predict(model: Map<string, Expected>, given: Operation, version: string | undefined): Outcome {
  const current = model.get(given.name);
  const {running, label, held, phase} = given;
  if (given.verb === 'create') {
    if (current !== undefined) {
      return 'AlreadyExists';
    }

    model.set(given.name, {generation: 1, running, label, phase: undefined, held, deleting: false, seen: []});
    return 'done';
  }

  if (current === undefined) {
    return 'NotFound';
  }

  if (version !== undefined && version !== current.seen.at(-1)) {
    return 'Conflict';
  }

  if (given.verb === 'updateStatus') {
    if (current.phase === phase) {
      return 'unchanged';
    }

    current.phase = phase;
    return 'done';
  }

  if (given.verb === 'delete') {
    if (current.held && current.deleting) {
      return 'unchanged';
    }

    if (current.held) {
      current.deleting = true;
      return 'done';
    }

    model.delete(given.name);
    return 'removed';
  }

  if (current.running === running && current.label === label && current.held === held) {
    return 'unchanged';
  }

  if (current.deleting && !held) {
    model.delete(given.name);
    return 'removed';
  }

  current.generation += current.running === running ? 0 : 1;
  Object.assign(current, {running, label, held});
  return 'done';
}

async function perform(
  storage: Storage,
  {verb, name, held, running, label, phase}: Operation,
  resourceVersion: string | undefined,
): Promise<{outcome: Outcome; object?: Stored<'Workspace'>}> {
  const object = aWorkspace(name, {
    metadata: {
      labels: {tier: label},
      ...(held ? {finalizers: [finalizer]} : {}),
      ...(resourceVersion === undefined ? {} : {resourceVersion}),
    },
    spec: {running},
    ...(verb === 'updateStatus' ? {status: {phase}} : {}),
  });
  try {
    const preconditions = resourceVersion === undefined ? {} : {resourceVersion};
    const stored =
      verb === 'delete'
        ? await storage.delete('Workspace', name, {preconditions})
        : await storage[verb]('Workspace', object);
    return {outcome: 'done', object: stored};
  } catch (error) {
    if (isStorageError(error) && error.code !== 'Expired' && error.code !== 'Forbidden') {
      return {outcome: error.code};
    }

    throw error;
  }
}

function fold(
  events: readonly Exclude<WatchEvent<'Workspace'>, {type: 'BOOKMARK'}>[],
): Map<string, Stored<'Workspace'>> {
  const objects = new Map<string, Stored<'Workspace'>>();
  for (const {type, object} of events) {
    if ((type === 'ADDED') === objects.has(object.metadata.name)) {
      throw new Error(`${type} of ${object.metadata.name}, which was ${type === 'ADDED' ? '' : 'not '}there`);
    }

    if (type === 'DELETED') {
      objects.delete(object.metadata.name);
    } else {
      objects.set(object.metadata.name, object);
    }
  }

  return new Map([...objects].sort(([a], [b]) => (a < b ? -1 : 1)));
}
