import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {BundleStore} from '../../api/storage/bundle-store.ts';
import type {Storage} from '../../api/storage/storage.ts';

export type CollectBundlesOptions = {
  readonly storage: Pick<Storage, 'list'>;
  readonly bundles: Pick<BundleStore, 'list' | 'delete'>;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Milliseconds from an upload to the latest moment when a workspace must name it. */
const grace = 24 * 3_600_000;
const interval = 3_600_000;

/** Until the signal is aborted, deletes bundles that no Workspace names and that nobody stored or asked for within a day. */
export async function collectBundles(options: CollectBundlesOptions, signal: AbortSignal): Promise<void> {
  const {clock, log} = options;
  while (!signal.aborted) {
    try {
      await collect(options);
    } catch (error) {
      log.error({err: error}, 'Bundles that nobody needs could not be removed');
    }

    await clock.sleep(interval, signal).catch(() => {});
  }
}

async function collect({storage, bundles, clock, log}: CollectBundlesOptions): Promise<void> {
  const old = (await bundles.list()).filter(({storedAt}) => clock.now() - storedAt > grace);
  if (old.length === 0) return;

  // Listed after the bundles: one that is named in between is seen.
  const {items} = await storage.list('Workspace');
  const named = new Set(items.map(({spec}) => spec.repo?.bundle?.digest));
  for (const {digest} of old) {
    if (named.has(digest)) continue;
    await bundles.delete(digest);
    log.info({digest}, 'a bundle that no workspace names was removed');
  }
}
