import {z} from 'zod';
import type {Clock} from '../../effects/clock.ts';
import type {Logger} from '../../effects/logger.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import type {Document} from '../document.ts';
import {parseDocument} from '../document.ts';
import type {MovableStore} from '../moving/movable-store.ts';
import type {StoreRecord} from '../moving/store-record.ts';
import {fromApi} from './api-object.ts';
import type {ApiResources} from './api-resources.ts';
import {fieldManager} from './api-resources.ts';
import {repairClaims} from './claim-repair.ts';
import type {EpochObject} from './epoch.ts';
import {internalKinds} from './internal-kinds.ts';
import type {PortClaims} from './port-claims.ts';
import {createRestorer} from './restorer.ts';
import type {Tombstones} from './tombstones.ts';
import {tombstoneObject} from './tombstones.ts';

/** Objects that are asked for at a time. */
const chunk = 500;

const owned = z.object({
  metadata: z.object({managedFields: z.array(z.looseObject({manager: z.string().optional()})).optional()}),
});

/** Records that are written at a time. */
const width = 8;

/** The store in a namespace, as a whole. The caller keeps servers from it. */
export function createMovableKubernetes(parts: {
  api: ApiResources;
  claims: PortClaims;
  tombstones: Tombstones;
  epoch: EpochObject;
  clock: Clock;
  log: Logger;
  namespace: string;
  place: string;
}): MovableStore {
  const {api, epoch, place} = parts;

  async function* pages(
    plural: string,
    at: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): AsyncGenerator<unknown, void, undefined> {
    let list = await api.list(plural, {limit: String(chunk), ...at}, signal);
    for (;;) {
      yield* list.items;
      if (list.continue === undefined) {
        return;
      }

      list = await api.list(plural, {limit: String(chunk), continue: list.continue}, signal);
    }
  }

  async function* records(
    at: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): AsyncGenerator<StoreRecord, void, undefined> {
    const living = new Set<string>();
    for (const kind of Object.keys(kinds) as Kind[]) {
      for await (const item of pages(kinds[kind].plural, at, signal)) {
        const {document} = fromApi(kind, item);
        living.add(document.metadata.uid);
        yield {type: 'object', object: withOwners(unversioned(document), item)};
      }
    }

    for await (const item of pages(internalKinds.Tombstone.plural, at, signal)) {
      const {spec} = tombstoneObject.parse(item);
      // One of an object that then stayed is none.
      if (!living.has(spec.uid)) {
        yield {type: 'tombstone', deletedAt: spec.deletedAt, object: unversioned(parseDocument(spec.object))};
      }
    }
  }

  return {
    place,
    mark: async () => (await epoch.read())?.mark,
    setMark: mark => epoch.mark(mark),
    epoch: async () => (await epoch.read())?.value ?? 0,
    raiseEpoch: value => epoch.raise(value),
    async *records(signal) {
      // Kinds count with the same revisions, so that what is read of each is of one moment.
      const {resourceVersion} = await api.list(kinds.Workspace.plural, {limit: '1'}, signal);
      yield* records({resourceVersion, resourceVersionMatch: 'Exact'}, signal);
    },
    async receive(given, signal) {
      const restorer = createRestorer(parts);
      for await (const record of records({}, signal)) {
        restorer.present(record);
      }

      await inParallel(given, record => restorer.restore(record), signal);
      await inParallel(stream(restorer.left()), remove => remove(), signal);
      await repairClaims(parts);
    },
  };
}

async function* stream<T>(values: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* values;
}

/** The first failure ends it, once what is under way has ended. */
async function inParallel<T>(
  values: AsyncIterable<T>,
  work: (value: T) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = values[Symbol.asyncIterator]();
  let next: Promise<unknown> = Promise.resolve();
  let failed = false;
  const run = async () => {
    while (!failed) {
      signal.throwIfAborted();
      const turn = next.then(() => iterator.next());
      next = turn;
      const {value, done} = await turn;
      if (done === true) {
        return;
      }

      await work(value);
    }
  };
  const outcomes = await Promise.allSettled(
    Array.from({length: width}, () =>
      run().catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    ),
  );
  const failure = outcomes.find(outcome => outcome.status === 'rejected');
  if (failure !== undefined) {
    await iterator.return?.();
    throw failure.reason;
  }
}

/** With who owns which fields, if others than Nexus do. */
function withOwners(document: Document, item: unknown): Document {
  const managedFields = owned.parse(item).metadata.managedFields ?? [];
  const isShared = managedFields.some(({manager}) => manager !== fieldManager);
  return isShared ? {...document, metadata: {...document.metadata, managedFields}} : document;
}

function unversioned(document: Document): Document {
  return {...document, metadata: {...document.metadata, resourceVersion: '0'}};
}
