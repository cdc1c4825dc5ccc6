import {pipeline} from 'node:stream/promises';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {BundleStore} from '../../api/storage/bundle-store.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import type {Agents} from '../agent-client/agents.ts';

export type BundleUploads = {
  /**
   * Resolves once the node holds the bundle. Throws AgentError: `NotPermittedNow` while a long upload goes on in the background (ask
   * again), `NotFound` when this server doesn't hold the bundle either.
   */
  ensure(node: string, digest: string, signal: AbortSignal): Promise<void>;
};

export type BundleUploadsOptions = {
  readonly agents: Pick<Agents, 'request' | 'open'>;
  readonly bundles: Pick<BundleStore, 'open'>;
  readonly clock: Clock;
  /** Ends uploads that go on in the background. */
  readonly signal: AbortSignal;
};

/** Milliseconds that a reconcile waits for an upload: most are done, and a huge one keeps no worker busy. */
const patience = 5000;

/** Brings git bundles to nodes; one that several workspaces need goes to a node once. */
export function createBundleUploads({
  agents,
  bundles,
  clock,
  signal: lifetime,
}: BundleUploadsOptions): BundleUploads {
  const running = new Map<string, Promise<void>>();

  const upload = async (node: string, digest: string) => {
    const {present} = await agents.request(node, 'bundle/has', {digest}, lifetime);
    if (present) {
      return;
    }

    const {size, content} = await open(bundles, digest);
    const stream = await agents.open(node, 'bundle/put', {digest, size}, lifetime);
    // Whichever fails first tells why; the other's failure follows from it.
    await Promise.all([pipeline(content, stream.input, {signal: lifetime}), stream.finished]);
  };

  const begin = (node: string, digest: string): Promise<void> => {
    const key = `${node} ${digest}`;
    const present = running.get(key);
    if (present !== undefined) {
      return present;
    }

    const begun = upload(node, digest).finally(() => running.delete(key));
    // Whoever waits for it hears of its failure; one that nobody waits for any more is begun again.
    begun.catch(() => {});
    running.set(key, begun);
    return begun;
  };

  return {
    async ensure(node, digest, signal) {
      signal.throwIfAborted();
      using late = new DisposableStack();
      const outOfPatience = new Promise<never>((_resolve, reject) => {
        const giveUp = () =>
          reject(new AgentError('NotPermittedNow', 'the commits are being sent to the node'));
        late.use(clock.schedule(patience, giveUp));
        const onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort, {once: true});
        late.defer(() => signal.removeEventListener('abort', onAbort));
      });
      await Promise.race([begin(node, digest), outOfPatience]);
    },
  };
}

async function open(bundles: BundleUploadsOptions['bundles'], digest: string) {
  try {
    return await bundles.open(digest);
  } catch (error) {
    if (isStorageError(error, 'NotFound')) {
      const message = 'The uploaded commits are no longer on the server; run nexus apply again.';
      throw new AgentError('NotFound', message, {cause: error});
    }

    throw error;
  }
}
