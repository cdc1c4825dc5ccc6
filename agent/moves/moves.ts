import type {Readable, Writable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import type {Driver, Limits, Transfer} from '../driver.ts';
import type {Entry} from '../instances/entry.ts';
import {describeInstance} from '../instances/instance-view.ts';
import type {Fence, Operations} from '../instances/operations.ts';
import type {Registry} from '../instances/registry.ts';
import {packArchive, unpackArchive} from './archive.ts';
import {withinBudget} from './disk-budget.ts';
import {formatMark, parseMark} from './mark.ts';

type Target = {readonly uid: string; readonly transfer: string};

/** One side of a move: the instance leaves a node or comes to it. Throws AgentError. */
export type Moves = {
  /** Resolves to what seals it and writes it whole, then ends `output`; that rejects when it could not, or is given up by `signal`. */
  export(target: Target, fence: Fence): Promise<(output: Writable, signal: AbortSignal) => Promise<void>>;
  /** Resolves to what makes the copy; that leaves nothing of it when it rejects. */
  import(
    target: Target & {readonly provider: Provider; readonly limits?: Limits | undefined},
    fence: Fence,
  ): Promise<(input: Readable, signal: AbortSignal) => Promise<void>>;
  keep(target: Target, fence: Fence): Promise<Instance>;
  accept(target: Target, fence: Fence): Promise<Instance>;
  discard(target: Target, fence: Fence): Promise<Instance>;
};

export type MovesOptions = {
  readonly registry: Registry;
  readonly operations: Operations;
  /** Resolves once all records are stored. */
  readonly flush: () => Promise<void>;
  /** Takes up what the record of a copy that has arrived declares for it. */
  readonly restore: (entry: Entry) => void;
  /** Closes forwards and ends what supervises the instance. */
  readonly release: (entry: Entry) => Promise<void>;
};

export function createMoves({registry, operations, flush, restore, release}: MovesOptions): Moves {
  const idle = (entry: Entry) => {
    if (entry.operation !== undefined) {
      throw new AgentError(
        'NotPermittedNow',
        `${entry.operation.kind} runs on it at present; try again later`,
      );
    }
  };

  /** Runs `work` as the one operation of the instance, and settles with it. Its failure is told to whoever asked, and kept by nobody. */
  const operate = async (
    entry: Entry,
    kind: 'Export' | 'Import',
    {fence, signal, work}: {fence: Fence; signal: AbortSignal; work: (signal: AbortSignal) => Promise<void>},
  ) => {
    idle(entry);
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => {});
    operations.start(entry, kind, {
      fence,
      async work(context) {
        const either = AbortSignal.any([signal, context.signal]);
        try {
          context.check();
          either.throwIfAborted();
          await work(either);
          done.resolve();
        } catch (error) {
          done.reject(error);
        }
      },
    });
    // One that was superseded before it began settles nothing by itself.
    entry.operation?.finished.then(() =>
      done.reject(new AgentError('NotPermittedNow', `${kind} was broken off`)),
    );
    await done.promise;
  };

  const stopped = ({observed}: Entry) => {
    const isMovable = observed?.state === 'Stopped' && observed.retired === undefined;
    if (!isMovable || observed.incoming !== undefined) {
      const state = observed?.retired === undefined ? observed?.state : 'kept after its deletion';
      const why =
        observed?.incoming === undefined ? (state ?? 'gone') : 'the copy of a move that is not over';
      throw new AgentError('NotPermittedNow', `it is ${why}; only what is stopped can be moved`);
    }
    return observed;
  };

  const copyOf = ({uid, transfer}: Target) => {
    const entry = registry.find(uid);
    const incoming = entry?.observed?.incoming;
    return entry !== undefined && incoming !== undefined && parseMark(incoming.mark).transfer === transfer
      ? {entry, incoming}
      : undefined;
  };

  return {
    async export({uid, transfer}, fence) {
      const entry = registry.existing(uid);
      const {format, export: exportInstance} = transferOf(registry.driverOf(entry.record.provider));
      idle(entry);
      await registry.observe(uid);
      stopped(entry);

      const send = async (output: Writable, signal: AbortSignal) => {
        await registry.observe(uid);
        const {lastStartedAt} = stopped(entry);
        registry.record(entry, {...entry.record, departing: transfer});
        registry.changed(entry);
        await flush();
        const {attributes, size, content} = await exportInstance(uid, signal);
        const {departing: _, ...record} = entry.record;
        const header = {
          version: 1 as const,
          uid,
          transfer,
          format,
          attributes,
          record: {...record, forwards: []},
          ...(size !== undefined && {size}),
          ...(lastStartedAt !== undefined && {sourceStartedAt: lastStartedAt}),
        };
        const confirm = async () => {
          await registry.observe(uid);
          if (stopped(entry).lastStartedAt !== lastStartedAt) {
            throw new AgentError('NotPermittedNow', 'it was started while it was copied');
          }
        };
        await pipeline(packArchive(header, content, confirm), output, {signal});
      };
      return (output, signal) =>
        operate(entry, 'Export', {fence, signal, work: either => send(output, either)});
    },

    async import({uid, transfer, provider, limits}, fence) {
      const driver = registry.driverOf(provider);
      const {format, import: importInstance} = transferOf(driver);
      if (registry.find(uid)?.operation === undefined) {
        await registry.observe(uid);
      }
      const entry = registry.ensure(uid, provider);
      idle(entry);
      if (entry.observed !== undefined && entry.observed.incoming === undefined) {
        throw new AgentError('NotPermittedNow', 'this node has an instance of that workspace already');
      }

      const receive = async (input: Readable, signal: AbortSignal) => {
        const {header, content} = await unpackArchive(input);
        if (header.uid !== uid || header.transfer !== transfer || header.format !== format) {
          throw new AgentError('Invalid', `what arrived is no ${format} of transfer ${transfer}`);
        }
        const {sourceStartedAt, attributes, record} = header;
        const mark = formatMark({transfer, ...(sourceStartedAt !== undefined && {sourceStartedAt})});
        const options = {uid, mark, attributes, content, ...(limits !== undefined && {limits})};
        const made = await withinBudget(importInstance)(options, signal);
        signal.throwIfAborted();
        registry.record(entry, {
          ...record,
          uid,
          provider,
          started: true,
          forwards: entry.record.forwards,
        });
        registry.apply(entry, made);
        restore(entry);
        await flush();
      };
      const withdraw = async () => {
        await registry.observe(uid).catch(() => {});
        if (entry.observed?.incoming !== undefined) {
          await driver.delete(uid).catch(() => {});
          await registry.observe(uid).catch(() => {});
        }
        if (entry.observed === undefined && entry.record.forwards.length === 0) {
          registry.remove(entry);
        }
      };
      return (input, signal) =>
        operate(entry, 'Import', {
          fence,
          signal,
          async work(either) {
            try {
              await receive(input, either);
            } catch (error) {
              input.destroy();
              await withdraw();
              throw error;
            }
          },
        });
    },

    async keep({uid, transfer}, fence) {
      const entry = registry.existing(uid);
      if (entry.operation?.kind === 'Export') {
        entry.operation.abort.abort(new AgentError('NotPermittedNow', 'it stays where it is'));
        await entry.operation.finished;
      }
      fence();
      if (entry.record.departing === transfer) {
        const {departing: _, ...record} = entry.record;
        registry.record(entry, record);
        registry.changed(entry);
        await flush();
      }
      return describeInstance(entry);
    },

    async accept({uid, transfer}, fence) {
      const entry = registry.existing(uid);
      const copy = copyOf({uid, transfer});
      if (copy === undefined) {
        if (entry.observed.incoming === undefined) {
          return describeInstance(entry);
        }
        throw new AgentError('NotPermittedNow', `it is the copy of another transfer than ${transfer}`);
      }
      if (!copy.incoming.complete) {
        throw new AgentError('NotPermittedNow', 'not all of it has arrived');
      }
      await operations.configure(entry, async () => {
        fence();
        await transferOf(registry.driverOf(entry.record.provider)).accept(uid);
        await registry.observe(uid);
      });
      return describeInstance(entry);
    },

    async discard({uid, transfer}, fence) {
      if (registry.find(uid)?.operation === undefined) {
        await registry.observe(uid);
      }
      const copy = copyOf({uid, transfer});
      if (copy === undefined) {
        return describeInstance(registry.find(uid) ?? registry.ensure(uid, 'lxc'));
      }
      operations.start(copy.entry, 'Delete', {
        fence,
        async work({check}) {
          await registry.observe(uid);
          if (copyOf({uid, transfer}) === undefined) {
            return;
          }
          check();
          await registry.driverOf(copy.entry.record.provider).delete(uid);
          await release(copy.entry);
          registry.remove(copy.entry);
        },
      });
      return describeInstance(copy.entry);
    },
  };
}

function transferOf({provider, transfer}: Driver): Transfer {
  if (transfer === undefined) {
    throw new AgentError('Unsupported', `instances of provider ${provider} can't be moved`);
  }
  return transfer;
}
