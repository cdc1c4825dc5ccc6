import {Readable} from 'node:stream';
import type {ListOptions, WatchEvent} from '../storage/storage.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {apiVersion} from '../v1alpha1/metadata.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import type {CallerStorage} from './authorized-storage.ts';
import {statusBody, toProblem} from './error-response.ts';
import type {HttpMetrics} from './http-metrics.ts';

export type WatchStreamOptions = {
  readonly options: Pick<ListOptions, 'labels' | 'fields'>;
  /** Events after it; without it, or for `0`, all that exists is ADDED first. */
  readonly resourceVersion: string | undefined;
  readonly bookmarks: boolean;
  /** Marks the end of what existed with a bookmark, for clients that list by watching. */
  readonly initialEventsEnd: boolean;
  readonly timeoutSeconds: number | undefined;
  /** An object as JSON. */
  readonly render: (object: Stored<ServedKind>) => string;
  readonly metrics: HttpMetrics;
  readonly signal: AbortSignal;
};

/** Seconds after which a watch ends in any case: clients resume, and a token that was revoked stops seeing. */
const longestWatch = 1800;

/** Kubernetes' watch: one JSON object a line. Bookmarks come as often as the store gives them, when they are wanted. */
export function watchStream(storage: CallerStorage, kind: ServedKind, options: WatchStreamOptions): Readable {
  return Readable.from(lines(storage, kind, options), {objectMode: false, highWaterMark: 65_536});
}

async function* lines(
  storage: CallerStorage,
  kind: ServedKind,
  watch: WatchStreamOptions,
): AsyncGenerator<string> {
  const {render, options} = watch;
  using _ = watch.metrics.watchOpened();
  const seconds = Math.min(watch.timeoutSeconds ?? longestWatch, longestWatch);
  const signal = AbortSignal.any([watch.signal, AbortSignal.timeout(Math.max(1, seconds) * 1000)]);
  try {
    let {resourceVersion} = watch;
    if (resourceVersion === undefined || resourceVersion === '' || resourceVersion === '0') {
      const listed = await storage.list(kind, options);
      ({resourceVersion} = listed);
      for (const object of listed.items) {
        yield line('ADDED', render(object));
      }

      if (watch.initialEventsEnd && watch.bookmarks) {
        yield bookmark(kind, resourceVersion, {'k8s.io/initial-events-end': 'true'});
      }
    }

    for await (const event of storage.watch(kind, {...options, resourceVersion, signal})) {
      const text = lineOf(kind, event, watch);
      if (text !== undefined) {
        yield text;
      }
    }
  } catch (error) {
    if (!signal.aborted) {
      yield line('ERROR', JSON.stringify(statusBody(toProblem(error))));
    }
  }
}

function lineOf(
  kind: ServedKind,
  event: WatchEvent<ServedKind>,
  {bookmarks, render}: WatchStreamOptions,
): string | undefined {
  if (event.type === 'BOOKMARK') {
    return bookmarks ? bookmark(kind, event.resourceVersion, undefined) : undefined;
  }

  return line(event.type, render(event.object));
}

function bookmark(
  kind: ServedKind,
  resourceVersion: string,
  annotations: Readonly<Record<string, string>> | undefined,
): string {
  return line('BOOKMARK', JSON.stringify({apiVersion, kind, metadata: {resourceVersion, annotations}}));
}

function line(type: string, object: string): string {
  return `{"type":"${type}","object":${object}}\n`;
}
