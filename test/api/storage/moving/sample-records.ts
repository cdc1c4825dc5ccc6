import fc from 'fast-check';
import type {Document} from '../../../../api/storage/document.ts';
import type {MovableStore} from '../../../../api/storage/moving/movable-store.ts';
import type {StoreRecord} from '../../../../api/storage/moving/store-record.ts';
import {recordKey} from '../../../../api/storage/moving/store-record.ts';
import {kinds} from '../../../../api/v1alpha1/kinds.ts';
import {apiVersion} from '../../../../api/v1alpha1/metadata.ts';

const second = fc
  .integer({min: 0, max: 1_000_000})
  .map(offset => Date.parse('2026-10-01T00:00:00Z') + offset * 1000);
const time = second.map(value => new Date(value + 123).toISOString());
const labels = fc.dictionary(
  fc.constantFrom('tier', 'example.com/app'),
  fc.constantFrom('', 'web', 'x.y_z'),
  {maxKeys: 2},
);
const annotations = fc.dictionary(
  fc.constantFrom('note', 'example.com/note'),
  fc.string({unit: 'grapheme', maxLength: 20}),
  {maxKeys: 2},
);

type Parts = {
  readonly kind: Document['kind'];
  readonly uid: string;
  readonly generation: number;
  readonly created: string;
  readonly deleting: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly text: string;
  readonly tombstone: string | undefined;
};

const anyParts: fc.Arbitrary<Parts> = fc.record({
  kind: fc.constantFrom(
    'Workspace',
    'Workspace',
    'Workspace',
    'Node',
    'User',
    'Event',
    'Token',
    'Credential',
  ),
  uid: fc.uuid({version: 4}),
  generation: fc.integer({min: 1, max: 50}),
  created: time,
  deleting: fc.option(time, {nil: undefined}),
  labels,
  annotations,
  text: fc.string({unit: 'grapheme', maxLength: 30}),
  tombstone: fc.option(time, {nil: undefined}),
});

/** Records that can be in one store together: every object has a name of its own, and no two workspaces hold a port. */
export function storeRecords(maxLength: number): fc.Arbitrary<readonly StoreRecord[]> {
  return fc.array(anyParts, {maxLength}).map(all => all.map(toRecord));
}

function toRecord(parts: Parts, index: number): StoreRecord {
  const {kind, uid, generation, created, deleting, tombstone} = parts;
  const isGone = tombstone !== undefined && ['Workspace', 'Node', 'User'].includes(kind);
  const isHeld = kind === 'Workspace' && !isGone;
  const given: Document = {
    apiVersion,
    kind,
    metadata: {
      name: `${kind.toLowerCase()}-${index}`,
      uid,
      resourceVersion: '0',
      generation,
      creationTimestamp: created,
      ...(parts.generation % 5 === 0
        ? {managedFields: [{manager: 'team', operation: 'Apply', apiVersion}]}
        : {}),
      ...(isHeld ? {finalizers: ['nexus.dev/instance']} : {}),
      ...(isHeld && deleting !== undefined ? {deletionTimestamp: deleting} : {}),
      ...(Object.keys(parts.labels).length === 0 ? {} : {labels: parts.labels}),
      ...(Object.keys(parts.annotations).length === 0 ? {} : {annotations: parts.annotations}),
    },
    ...contentOf(parts, index),
  };
  const object: Document = {...given, ...kinds[kind].schema.parse(given), metadata: given.metadata};
  return isGone ? {type: 'tombstone', deletedAt: tombstone, object} : {type: 'object', object};
}

function contentOf(
  {kind, uid, generation, created, text}: Parts,
  index: number,
): {spec: unknown; status?: unknown} {
  const condition = {
    type: 'Ready',
    status: 'False',
    reason: 'ServiceUnhealthy',
    message: text,
    lastTransitionTime: created,
    observedGeneration: generation,
  };
  switch (kind) {
    case 'Workspace':
      return {
        spec: {owner: 'ada', env: {NOTE: text}, running: generation % 2 === 0},
        status: {
          phase: 'Running',
          node: `box-${index % 3}`,
          ports: [{name: 'ssh', nodePort: 2222 + index, targetPort: 22}],
          observedGeneration: generation,
          conditions: [condition],
        },
      };
    case 'Node':
      return {spec: {address: '10.0.0.7'}, status: {conditions: [condition]}};
    case 'User':
      return {spec: {}};
    case 'Event':
      return {
        spec: {
          regarding: {kind: 'Workspace', name: 'a', uid},
          type: 'Normal',
          reason: 'Ready',
          message: text,
          actor: 'controller',
          count: generation,
          firstTimestamp: created,
          lastTimestamp: created,
        },
      };
    case 'Token':
      return {spec: {user: 'ada', sha256: uid.replaceAll('-', '').repeat(2)}};
    case 'Credential':
      return {
        spec: {
          user: 'ada',
          host: `host-${index}.example.com`,
          ciphertext: Buffer.from(text).toString('base64'),
        },
      };
  }
}

export async function* streamOf(
  records: readonly StoreRecord[],
): AsyncGenerator<StoreRecord, void, undefined> {
  yield* records;
}

/** All that is in the store, in an order that does not depend on it. */
export async function contentOfStore(store: Pick<MovableStore, 'records'>): Promise<StoreRecord[]> {
  return inOrder(await all(store.records(new AbortController().signal)));
}

export function inOrder(records: readonly StoreRecord[]): StoreRecord[] {
  return [...records].sort((a, b) => (recordKey(a) < recordKey(b) ? -1 : 1));
}

export async function all<T>(given: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of given) {
    found.push(each);
  }

  return found;
}

/** Without who owns which fields. */
export function withoutOwners(records: readonly StoreRecord[]): StoreRecord[] {
  return records.map(record => {
    const {managedFields: _, ...metadata} = record.object.metadata;
    return {...record, object: {...record.object, metadata}};
  });
}
