import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Params} from '../../api/agent/v1alpha1/messages.ts';
import type {Clock} from '../../api/effects/clock.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Alone, Guest, RepositoryFacts} from '../guest/guest.ts';
import type {Doors} from '../instances/doors.ts';
import type {Entry} from '../instances/entry.ts';
import {describeInstance} from '../instances/instance-view.ts';
import type {Fence, Operations} from '../instances/operations.ts';
import type {Registry} from '../instances/registry.ts';
import type {BundleCache} from './bundle-cache.ts';

/** Milliseconds that looking for unsaved work may take before the answer counts as unknown, besides what people's programs get to end by themselves. */
const inspectionTimeout = 20_000;

/** What is done with the clone. Throws AgentError. */
export type RepositoryWork = {
  clone(params: Params<'repository/clone'>, fence: Fence): Promise<Instance>;
  fetch(params: Params<'repository/fetch'>, fence: Fence): Promise<Instance>;
  /**
   * Whether nothing would be lost with the instance, as far as can be proven now; notes what it saw. What it says holds for this moment only, or, if all
   * that people have running was ended for it (`alone`), for as long as nobody comes in. Never rejects.
   */
  isSaved(uid: string, options: {signal: AbortSignal; alone?: Alone}): Promise<boolean>;
};

export type RepositoryWorkOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  readonly operations: Operations;
  readonly guest: Guest;
  readonly bundles: BundleCache;
  readonly doors: Pick<Doors, 'cleared'>;
};

export function createRepositoryWork(options: RepositoryWorkOptions): RepositoryWork {
  const {clock, log, registry, operations, guest, bundles, doors} = options;

  const running = async (uid: string, repository: Params<'repository/clone'>['repository']) => {
    const entry = registry.existing(uid);
    if (entry.observed.state !== 'Running') {
      throw new AgentError('NotPermittedNow', `it is ${entry.observed.state}; start it first`);
    }
    if (repository.bundle !== undefined && !(await bundles.has(repository.bundle.digest))) {
      throw new AgentError(
        'NotFound',
        `the bundle ${repository.bundle.digest} is not on this node; upload it first`,
      );
    }
    return entry;
  };

  /** Takes over what was seen; `known` says what the record had before, when it is the same clone. */
  const note = (
    entry: Entry,
    spec: Params<'repository/clone'>['repository'],
    facts: RepositoryFacts & {notMerged?: string},
  ) => {
    const now = timestampAt(clock.now());
    registry.record(entry, {
      ...entry.record,
      repository: {
        ...facts,
        spec,
        clonedAt: entry.record.repository?.clonedAt ?? now,
        observedAt: now,
        ...(spec.bundle === undefined ? {} : {bundleCommit: spec.bundle.commit}),
      },
    });
    registry.changed(entry);
  };

  return {
    async clone({uid, repository, credential}, fence) {
      const entry = await running(uid, repository);
      operations.start(entry, 'Clone', {
        fence,
        async work({signal}) {
          note(
            entry,
            repository,
            await guest.clone(uid, {repository, ...(credential && {credential})}, signal),
          );
        },
      });
      return describeInstance(entry);
    },

    async fetch({uid, repository, credential}, fence) {
      const entry = await running(uid, repository);
      operations.start(entry, 'Fetch', {
        fence,
        async work({signal}) {
          note(
            entry,
            repository,
            await guest.fetch(uid, {repository, ...(credential && {credential})}, signal),
          );
        },
      });
      return describeInstance(entry);
    },

    async isSaved(uid, {signal, alone}) {
      const entry = registry.find(uid);
      if (entry?.observed?.state !== 'Running') {
        return false;
      }
      const late = new AbortController();
      const patience = inspectionTimeout + (alone?.grace ?? 0);
      using _ = clock.schedule(patience, () => late.abort(new Error('took too long')));
      const end = AbortSignal.any([signal, late.signal]);
      const {repository} = entry.record;
      try {
        if (alone !== undefined) {
          await doors.cleared(uid, end);
        }
        const {unsaved, repository: facts} = await guest.inspect(
          uid,
          {
            savedCommits: repository?.bundleCommit === undefined ? [] : [repository.bundleCommit],
            ...(repository === undefined ? {} : {directory: repository.spec.directory}),
            ...(alone === undefined ? {} : {alone}),
          },
          end,
        );
        if (repository !== undefined) {
          const {unsaved: __, ...before} = repository;
          registry.record(entry, {
            ...entry.record,
            repository: {...before, ...facts, unsaved, observedAt: timestampAt(clock.now())},
          });
          registry.changed(entry);
        }
        return !unsaved;
      } catch (error) {
        log.info({uid, error}, 'could not look for unsaved work');
        return false;
      }
    },
  };
}
