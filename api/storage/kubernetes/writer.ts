import type {Clock} from '../../effects/clock.ts';
import type {Random} from '../../effects/random.ts';
import type {Kind} from '../../v1alpha1/kinds.ts';
import {kinds} from '../../v1alpha1/kinds.ts';
import {statusAnnotation} from '../../v1alpha1/store-annotations.ts';
import type {Document} from '../document.ts';
import type {Change} from '../lifecycle.ts';
import type {WriteOptions} from '../storage.ts';
import {isStorageError, StorageError} from '../storage-error.ts';
import type {Held} from './api-object.ts';
import {fromApi, identityOf, toApi} from './api-object.ts';
import type {ApiResources} from './api-resources.ts';
import {heldPorts} from './held-ports.ts';
import type {History} from './history.ts';
import type {PortClaims} from './port-claims.ts';
import {PortTaken} from './port-taken.ts';
import type {Reader} from './reader.ts';
import type {Removal} from './removal.ts';

/** Every change of an object: what has to be claimed or remembered first, then the write itself, on the version that was read. */
export type Writer = {
  /** `uidIsGiven`: the document's uid is not just a proposal. Throws AlreadyExists. */
  insert(document: Document, options: WriteOptions & {readonly uidIsGiven: boolean}): Promise<Document>;
  /**
   * Does what `decide` makes of the object as it is; anew when another write comes between, so that `decide` has the last word on a Conflict.
   * Throws NotFound, and what `decide` throws.
   */
  change(target: Target, decide: (current: Document) => Change, options?: WriteOptions): Promise<Document>;
};

export type Target = {
  readonly kind: Kind;
  readonly name: string;
  readonly part: 'declared' | 'status' | 'whole';
};

/** Writes of others that may come between before this one gives up. */
const maximumAttempts = 25;

export function createWriter({
  api,
  reader,
  claims,
  removal,
  history,
  clock,
  random,
  namespace,
}: {
  api: ApiResources;
  reader: Reader;
  claims: PortClaims;
  removal: Removal;
  history: History;
  clock: Clock;
  random: Random;
  namespace: string;
}): Writer {
  const dry = ({dryRun = false}: WriteOptions) => ({query: dryRun ? {dryRun: 'All'} : {}});

  const create = async (document: Document, isGiven: boolean, options: WriteOptions): Promise<Held> => {
    const {kind, metadata, status} = document;
    const annotations = {
      ...metadata.annotations,
      ...(status === undefined ? {} : {[statusAnnotation]: JSON.stringify(status)}),
    };
    const origin = isGiven ? identityOf(document) : {};
    const body = toApi({...document, metadata: {...metadata, annotations}}, namespace, origin);
    try {
      return fromApi(kind, await api.create(kinds[kind].plural, body, dry(options)));
    } catch (error) {
      throw isStorageError(error, 'AlreadyExists')
        ? new StorageError('AlreadyExists', `There is already a ${kind} named ${metadata.name}`)
        : error;
    }
  };

  /** The status that it was created with, to where it belongs. */
  const finish = async ({document, origin}: Held): Promise<Document> => {
    const {kind, metadata} = document;
    const body = toApi(document, namespace, origin);
    return fromApi(kind, await api.replace(kinds[kind].plural, `${metadata.name}/status`, {body})).document;
  };

  const checkUid = async ({kind, metadata}: Document) => {
    const {items} = await reader.list(kind, {fields: {'metadata.uid': metadata.uid}});
    if (items.length > 0) {
      throw new StorageError('AlreadyExists', `There is already a ${kind} with the uid ${metadata.uid}`);
    }
  };

  const insertWithPorts = async (document: Document, options: WriteOptions): Promise<Document> => {
    const first = {next: document, current: undefined, version: '0'};
    const claimed = await claims.acquire(first, options);
    let held: Held;
    try {
      held = await create(document, true, options);
    } catch (error) {
      await claimed.abandon(isStorageError(error));
      throw error;
    }

    if (options.dryRun === true) {
      return held.document;
    }

    // Had this process stood still for long, others would have them by now.
    const {resourceVersion} = held.document.metadata;
    try {
      await claims.acquire({next: held.document, current: undefined, version: resourceVersion});
      return await finish(held);
    } catch (error) {
      if (isStorageError(error, 'Conflict')) {
        await api
          .remove(kinds[document.kind].plural, document.metadata.name, {
            preconditions: {uid: held.apiUid, resourceVersion},
          })
          .catch(() => undefined);
      }

      throw error;
    }
  };

  const put = async (
    held: Held,
    next: Document,
    {part}: Target,
    options: WriteOptions,
  ): Promise<Document> => {
    const {kind, metadata} = held.document;
    const {plural} = kinds[kind];
    const name = part === 'status' ? `${metadata.name}/status` : metadata.name;
    const claimed =
      part === 'status'
        ? await claims.acquire({next, current: held.document, version: metadata.resourceVersion}, options)
        : undefined;
    let after: Document;
    try {
      // Until the status is where it belongs, the annotation must stay.
      const unfinished =
        held.unfinished && part !== 'status' ? {[statusAnnotation]: JSON.stringify(next.status)} : {};
      const annotations = {...next.metadata.annotations, ...unfinished};
      const body = toApi({...next, metadata: {...next.metadata, annotations}}, namespace, held.origin);
      after = fromApi(kind, await api.replace(plural, name, {body, ...dry(options)})).document;
    } catch (error) {
      await claimed?.abandon(isStorageError(error));
      throw error;
    }

    if (claimed !== undefined && options.dryRun !== true) {
      await claims.release(held.document, after);
    }

    return after;
  };

  const apply = async (
    held: Held,
    change: Change,
    target: Target,
    options: WriteOptions,
  ): Promise<Document> => {
    switch (change.type) {
      case 'None':
        return held.document;
      case 'Put':
        return target.part === 'whole'
          ? removal.ask(held, options)
          : await put(held, change.next, target, options);
      case 'Remove':
        return removal.complete(held, change.next, {part: target.part, ...options});
    }
  };

  return {
    async insert(document, {uidIsGiven, ...options}) {
      if (uidIsGiven) {
        await checkUid(document);
      }

      let after: Document;
      if (heldPorts(document).length > 0) {
        after = await insertWithPorts(document, options);
      } else {
        const held = await create(document, uidIsGiven, options);
        after = held.unfinished && options.dryRun !== true ? await finish(held) : held.document;
      }

      if (options.dryRun !== true) {
        history.add('ADDED', after);
      }

      return after;
    },
    async change(target, decide, options = {}) {
      for (let attempt = 1; ; attempt += 1) {
        const held = await reader.get(target.kind, target.name);
        const change = decide(held.document);
        try {
          const after = await apply(held, change, target, options);
          if (change.type !== 'None' && options.dryRun !== true) {
            history.add(change.type === 'Remove' ? 'DELETED' : 'MODIFIED', after);
          }

          return after;
        } catch (error) {
          if (!isStale(error) || attempt === maximumAttempts) {
            throw error;
          }

          await clock.sleep(random.fraction() * Math.min(attempt, 10) * 10);
        }
      }
    },
  };
}

/** Whether another write came between, so that a fresh look is worth it. A port that is taken stays taken. */
function isStale(error: unknown): boolean {
  return (
    (isStorageError(error, 'Conflict') && !(error instanceof PortTaken)) || isStorageError(error, 'NotFound')
  );
}
