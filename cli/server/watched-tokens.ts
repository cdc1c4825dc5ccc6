import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {TokenCache} from '../../api/server/token-cache.ts';
import type {Storage} from '../../api/storage/storage.ts';
import type {Caches} from '../../controller/caches.ts';
import {createInformer} from '../../controller/informer/informer.ts';

export type WatchedTokens = TokenCache & {
  /** Keeps it up to date until `signal` is aborted. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
};

/**
 * Knows of a token or a role that is taken away within the delay of a watch, and at once of a token that is deleted here. `isHeard`: whether the store answers; while it
 * does not, what is known counts as old.
 */
export function createWatchedTokens({
  caches: {users},
  isHeard,
  ...options
}: {
  readonly storage: Pick<Storage, 'list' | 'watch'>;
  readonly caches: Pick<Caches, 'users'>;
  readonly isHeard: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}): WatchedTokens {
  const tokens = createInformer({
    ...options,
    kind: 'Token',
    indexes: {sha256: ({spec}) => [spec.sha256]},
  });
  /** Uids of those that were deleted here, and that the watch may still think to be there. */
  const gone = new Set<string>();
  tokens.onChange(({type, object}) => {
    if (type === 'DELETED') {
      gone.delete(object.metadata.uid);
    }
  });

  return {
    run: tokens.run,
    find(sha256) {
      if (!isHeard() || !tokens.isCurrent() || !users.isCurrent()) {
        return undefined;
      }

      const token = tokens.byIndex('sha256', sha256).find(({metadata}) => !gone.has(metadata.uid));
      const user = token === undefined ? undefined : users.get(token.spec.user);
      return token === undefined || user === undefined ? undefined : {token, user};
    },
    forget({metadata: {name, uid}}) {
      if (tokens.get(name)?.metadata.uid === uid) {
        gone.add(uid);
      }
    },
  };
}
