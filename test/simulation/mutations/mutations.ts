import {readFileSync} from 'node:fs';
import type {Invariant} from '../violation.ts';

export type Edit = {
  /** From the top of the repository. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly from: string;
  readonly to: string;
};

/** A bug of a kind that users of such systems have suffered from, which the simulation must find. */
export type Mutation = {
  readonly name: string;
  /** What the bug is. */
  readonly bug: string;
  readonly edits: readonly Edit[];
  /** It takes nodes that are drained to show. */
  readonly drains?: true;
  /** Any of these shows it. */
  readonly shows: readonly Invariant[];
};

export const mutations: readonly Mutation[] = [
  {
    name: 'unsaved-work-destroyed',
    bug: 'a deletion does not look for unsaved work',
    edits: [
      {
        file: 'agent/instances/deletion.ts',
        from: "mode === 'always' ||",
        to: "mode !== 'always' || mode === 'always' ||",
      },
    ],
    shows: ['UnsavedWorkKept'],
  },
  {
    name: 'replaced-on-another-node',
    bug: 'a workspace is placed anew while its node is silent, and runs twice',
    edits: [
      {
        file: 'controller/workspace/placement.ts',
        from: 'if (status.node !== undefined) {',
        to: "if (status.node !== undefined && options.sight.kind !== 'Unknown') {",
      },
    ],
    shows: ['OneLiveInstance', 'NoOrphan'],
  },
  {
    name: 'stale-evidence',
    bug: 'what a node said last is believed however long it has been silent',
    edits: [
      {
        file: 'controller/workspace/sight.ts',
        from: 'if (view !== undefined && isCurrent(view, options) && isFresh(evidence, options)) {',
        to: 'if (view !== undefined && view.facts !== undefined) {',
      },
    ],
    shows: ['StatusIsObserved', 'Convergence', 'NoHotLoop'],
  },
  {
    name: 'drift-unseen',
    bug: 'an instance that was stopped by hand is not started again',
    edits: [
      {
        file: 'controller/workspace/plan-power.ts',
        from: 'return desired.running ? planStart(instance, hasRoom) : {};',
        to: 'return {};',
      },
    ],
    shows: ['Convergence'],
  },
  {
    name: 'frozen-forever',
    bug: 'an instance that was frozen by hand stays frozen',
    edits: [
      {
        file: 'controller/workspace/plan-power.ts',
        from: "? {actions: [{type: 'Unfreeze'}]}",
        to: '? {}',
      },
    ],
    shows: ['Convergence'],
  },
  {
    name: 'key-lost',
    bug: 'a key that is added while a worker has it is forgotten',
    edits: [
      {
        file: 'controller/workqueue/queue.ts',
        from: 'if (dirty.has(key)) {\n        push(key);\n      }',
        to: 'dirty.delete(key);',
      },
    ],
    shows: ['Convergence'],
  },
  {
    name: 'watch-not-resumed',
    bug: 'an expired watch is not followed by a list',
    edits: [
      {
        file: 'controller/informer/informer.ts',
        from: 'position = undefined;\n      log.info',
        to: 'await new Promise(() => {});\n      log.info',
      },
    ],
    shows: ['Convergence', 'NoOrphan', 'NoHotLoop'],
  },
  {
    name: 'services-forgotten',
    bug: 'an agent that was restarted does not take up the services again',
    edits: [
      {
        file: 'agent/services/supervisors.ts',
        from: '    restore(entry) {\n      if (entry.record.services !== undefined) {',
        to: '    restore(entry) {\n      if (false) {',
      },
    ],
    shows: ['Convergence'],
  },
  {
    name: 'never-reconnects',
    bug: 'a connection that was lost is not made again',
    edits: [
      {
        file: 'controller/agent-client/node-link.ts',
        from: 'while (!closing.signal.aborted && !fenced) {',
        to: 'while (!closing.signal.aborted && !fenced && failures === 0) {',
      },
    ],
    shows: ['Convergence', 'NoOrphan'],
  },
  {
    name: 'busy-retry',
    bug: 'what is to be looked at later is looked at again at once',
    edits: [
      {
        file: 'controller/manager/workers.ts',
        from: 'queue.addAfter(key, requeueAfter);',
        to: 'queue.addAfter(key, Math.min(requeueAfter, 50));',
      },
    ],
    shows: ['NoHotLoop'],
  },
  {
    name: 'change-skipped',
    bug: 'a watcher that catches up skips what was written in between',
    edits: [
      {file: 'api/storage/sqlite/watch.ts', from: 'if (log.lastOf(kind) <= position) {', to: 'if (true) {'},
      {
        file: 'api/storage/sqlite/watch.ts',
        from: 'position = Math.max(position, end);',
        to: 'position = log.current();',
      },
    ],
    shows: ['Convergence', 'StatusIsObserved', 'NoHotLoop', 'NoOrphan'],
  },
  {
    name: 'orphans-left',
    bug: 'an instance whose workspace is gone is never collected',
    edits: [
      {
        file: 'controller/node/orphans.ts',
        from: '} else if (operation === undefined) {',
        to: '} else if (operation === undefined && retired !== undefined) {',
      },
    ],
    shows: ['NoOrphan'],
  },
  {
    name: 'ports-unasked',
    bug: 'ports are chosen without asking who holds them',
    edits: [
      {
        file: 'controller/workspace/ports.ts',
        from: '[options.taken, options.unusable, used]',
        to: '[options.unusable, used]',
      },
    ],
    shows: ['Convergence', 'NoHotLoop'],
  },
  {
    name: 'ports-shared',
    bug: 'ports are chosen without asking who holds them, and the store does not mind',
    edits: [
      {
        file: 'controller/workspace/ports.ts',
        from: '[options.taken, options.unusable, used]',
        to: '[options.unusable, used]',
      },
      {
        file: 'api/storage/sqlite/port-allocations.ts',
        from: '        if (holder !== undefined) {',
        to: '        if (holder !== undefined) {\n          continue;\n        }\n\n        if (holder !== undefined) {',
      },
    ],
    shows: ['PortLeasedOnce'],
  },
  {
    name: 'source-goes-on',
    bug: 'a workspace is copied while it runs',
    drains: true,
    edits: [
      {
        file: 'controller/workspace/plan.ts',
        from: "if (present.status.migration?.phase === 'Copying') {",
        to: 'if (false) {',
      },
    ],
    shows: ['Convergence', 'NoHotLoop'],
  },
  {
    name: 'never-kept',
    bug: 'a workspace whose move was given up stays sealed',
    drains: true,
    edits: [
      {
        file: 'controller/workspace/plan-move.ts',
        from: "? {actions: [{type: 'Keep', transfer: departing.transfer}]}",
        to: '? undefined',
      },
    ],
    shows: ['Convergence', 'NoHotLoop'],
  },
];

export function mutationNamed(name: string): Mutation {
  const mutation = mutations.find(candidate => candidate.name === name);
  if (mutation === undefined) {
    throw new Error(`There is no mutation ${JSON.stringify(name)}`);
  }

  return mutation;
}

/** `source` of `file` with the bug in it. Throws when the place for it is not there exactly once: the mutation must be brought up to date. */
export function mutate({name, edits}: Mutation, file: string, source: string): string {
  return edits
    .filter(edit => edit.file === file)
    .reduce((text, {from, to}) => {
      const pieces = text.split(from);
      if (pieces.length !== 2) {
        throw new Error(
          `Mutation ${name} no longer applies: ${file} has its text ${pieces.length - 1} times, not once; bring it up to date`,
        );
      }

      return pieces.join(to);
    }, source);
}

/** A file of the repository as it is. */
export function sourceOf(file: string): string {
  return readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
}
