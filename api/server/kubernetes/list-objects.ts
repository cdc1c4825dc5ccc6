import type {Clock} from '../../effects/clock.ts';
import {isLater} from '../../storage/resource-version.ts';
import type {ListOptions} from '../../storage/storage.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import type {CallerStorage} from '../authorized-storage.ts';
import type {HttpMetrics} from '../http-metrics.ts';
import type {Reply} from '../route.ts';
import {toKube} from './kube-object.ts';
import type {KubeResource} from './kube-resource.ts';
import {kubeWatch} from './kube-watch.ts';
import type {ListRequest} from './list-options.ts';
import type {Representation} from './representation.ts';
import {representList} from './representation.ts';
import {badRequest, expired, StatusError} from './status-error.ts';

export type Listing = {
  readonly storage: CallerStorage;
  readonly resource: KubeResource;
  readonly request: ListRequest;
  readonly representation: Representation;
  readonly clock: Clock;
  readonly metrics: HttpMetrics;
  readonly signal: AbortSignal;
};

/** A page of a kind's objects, or a watch of them. Throws StatusError. */
export async function listObjects(listing: Listing): Promise<Reply> {
  const {storage, resource, request, representation, clock} = listing;
  if (request.watch) {
    return {status: 200, stream: kubeWatch(listing), contentType: 'application/json'};
  }

  const {items, ...metadata} = await page(storage, resource, request);
  checkVersion(request, metadata.resourceVersion);
  const shown = request.elsewhere ? [] : items.map(toKube);
  return {
    status: 200,
    body: representList(shown, representation, {resource, now: clock.now(), metadata}),
  };
}

/** Every list is of now: newer than that it can't be, and older only as a page of one that has begun. */
function checkVersion(request: ListRequest, current: string): void {
  const {resourceVersion: wanted, resourceVersionMatch: match} = request;
  if (wanted !== '' && isLater(wanted, current)) {
    throw new StatusError(504, 'Timeout', {
      message: `Timeout: Too large resource version: ${wanted}, current: ${current}`,
      details: {
        causes: [{reason: 'ResourceVersionTooLarge', message: 'Too large resource version'}],
        retryAfterSeconds: 1,
      },
    });
  }

  if (match === 'Exact' && wanted !== current) {
    throw expired('The resourceVersion for the provided list is too old.');
  }
}

async function page(storage: CallerStorage, {kind}: KubeResource, request: ListRequest) {
  const {limit = 0, continue: next, selector} = request;
  const options: ListOptions = {
    ...selector,
    ...(limit === 0 ? {} : {limit}),
    ...(next === '' ? {} : {continue: next}),
  };
  try {
    return await storage.list(kind, options);
  } catch (error) {
    if (isStorageError(error, 'Expired')) {
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
      );
    }

    throw isStorageError(error, 'Invalid') ? badRequest(error.message, error) : error;
  }
}
