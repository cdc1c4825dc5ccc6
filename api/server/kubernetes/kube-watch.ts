import {Readable} from 'node:stream';
import type {Mapping} from '../../managed-fields/value-schema.ts';
import type {WatchEvent} from '../../storage/storage.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import type {ServedKind} from '../../v1alpha1/validate.ts';
import {statusBody, toProblem} from '../error-response.ts';
import {toKube} from './kube-object.ts';
import type {Listing} from './list-objects.ts';
import {represent} from './representation.ts';
import {expired} from './status-error.ts';

/** Seconds after which a watch ends in any case: clients resume, and a token that was revoked stops seeing. */
const longestWatch = 1800;

/**
 * Kubernetes' watch: one JSON object a line, in the representation that was asked for. Without a resourceVersion, or with `0`, all that exists
 * is ADDED first. A resourceVersion that is no longer kept is an ERROR event with the code 410.
 */
export function kubeWatch(listing: Listing): Readable {
  return Readable.from(lines(listing), {objectMode: false, highWaterMark: 65_536});
}

async function* lines(listing: Listing): AsyncGenerator<string> {
  const {request, metrics} = listing;
  using _ = metrics.watchOpened();
  const seconds = Math.min(request.timeoutSeconds ?? longestWatch, longestWatch);
  const signal = AbortSignal.any([listing.signal, AbortSignal.timeout(Math.max(1, seconds) * 1000)]);
  try {
    yield* events(listing, signal);
  } catch (error) {
    if (!signal.aborted) {
      const refusal = isStorageError(error, 'Expired')
        ? expired(`too old resource version: ${request.resourceVersion}: ${error.message}`)
        : error;
      yield line('ERROR', statusBody(toProblem(refusal)));
    }
  }
}

async function* events(listing: Listing, signal: AbortSignal): AsyncGenerator<string> {
  const {storage, resource, request, representation, clock} = listing;
  const {kind} = resource;
  const {selector, elsewhere, allowWatchBookmarks, sendInitialEvents} = request;
  let {resourceVersion} = request;
  let withColumns = true;
  const show = (object: Mapping): Mapping => {
    const shown = represent(object, representation, {resource, now: clock.now(), withColumns});
    withColumns = false;
    return shown;
  };

  const fromNow = resourceVersion === '' || resourceVersion === '0';
  if (fromNow || sendInitialEvents === true) {
    const listed = await storage.list(kind, selector);
    ({resourceVersion} = listed);
    for (const object of elsewhere || sendInitialEvents === false ? [] : listed.items) {
      yield line('ADDED', show(toKube(object)));
    }

    if (sendInitialEvents === true && allowWatchBookmarks) {
      yield line('BOOKMARK', show(bookmark(kind, resourceVersion, {'k8s.io/initial-events-end': 'true'})));
    }
  }

  for await (const event of storage.watch(kind, {...selector, resourceVersion, signal})) {
    const object = objectOf(event, kind);
    if (event.type === 'BOOKMARK' ? allowWatchBookmarks : !elsewhere) {
      yield line(event.type, show(object));
    }
  }
}

function objectOf(event: WatchEvent<ServedKind>, kind: ServedKind): Mapping {
  return event.type === 'BOOKMARK' ? bookmark(kind, event.resourceVersion) : toKube(event.object);
}

function bookmark(
  kind: ServedKind,
  resourceVersion: string,
  annotations?: Readonly<Record<string, string>>,
): Mapping {
  return {
    kind,
    apiVersion: 'nexus.dev/v1alpha1',
    metadata: {resourceVersion, ...(annotations === undefined ? {} : {annotations})},
  };
}

function line(type: string, object: object): string {
  return `${JSON.stringify({type, object})}\n`;
}
