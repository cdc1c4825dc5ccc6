import {BundleStoreFull} from '../storage/bundle-store.ts';
import {RequestError} from './request-error.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';

/** Commits that no remote holds. Whoever knows the digest has, or had, the bytes: bundles have no owner. */
export function bundleRoutes({bundles, limits}: RouteContext): Route[] {
  const path = '/api/v1/bundles/{sha256}';
  return [
    defineRoute({
      method: 'head',
      path,
      operationId: 'hasBundle',
      summary: 'Whether a bundle is there',
      tag: 'bundles',
      access: 'user',
      responses: answers(200, {description: 'It is.'}, 400, 401, 404),
      async handle({params: {sha256 = ''}}) {
        if (await bundles.has(sha256)) {
          return {status: 200};
        }

        throw new RequestError('NotFound', `There is no bundle ${sha256}`);
      },
    }),
    defineRoute({
      method: 'put',
      path,
      operationId: 'putBundle',
      summary: 'Upload a git bundle',
      description: `Streamed, stored whole or not at all, at most ${limits.bundle} bytes. May be repeated.`,
      tag: 'bundles',
      access: 'user',
      streaming: true,
      responses: answers(201, {description: 'Stored.'}, 400, 401, 413, 507),
      async handle({params: {sha256 = ''}, raw, header}) {
        if (Number(header('content-length') ?? 0) > limits.bundle) {
          throw new RequestError('PayloadTooLarge', `A bundle may have ${limits.bundle} bytes here`, {
            hint: 'Push to a remote that the node reaches instead, or ask an admin to raise the limit.',
          });
        }

        if (await bundles.has(sha256)) {
          raw.resume();
          return {status: 201};
        }

        await bundles.put(sha256, raw, limits.bundle).catch((error: unknown) => {
          if (error instanceof BundleStoreFull) {
            throw new RequestError('InsufficientStorage', error.message, {
              hint: 'Push to a remote that the node reaches instead, or delete workspaces whose commits were uploaded: a day later there is room again.',
              cause: error,
            });
          }

          throw raw.destroyed && !raw.complete
            ? new RequestError('BadRequest', 'The bundle was cut off; nothing was stored', {cause: error})
            : error;
        });
        return {status: 201};
      },
    }),
  ];
}
