import type {Clock} from '../api/effects/clock.ts';
import {applyChanges} from './apply-changes.ts';
import type {Effect} from './command.ts';
import type {KeyPress} from './key-bindings.ts';
import {interpret} from './key-bindings.ts';
import {applyCommand, applyLog, applyNotice} from './reduce.ts';
import type {Change, DashboardSource, LogSource} from './source.ts';
import type {State} from './state.ts';
import {initialState} from './state.ts';

/** Changes that arrive within this many milliseconds are drawn together: the eye sees no more than 20 frames a second of text. */
const batchInterval = 50;

export type Dashboard = {
  state(): State;
  /** Called after every change of the state; dispose of the result to stop. */
  subscribe(listener: () => void): Disposable;
  press(key: KeyPress): void;
  /** Runs until the user quits or the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
};

export type DashboardOptions = {
  readonly source: DashboardSource;
  readonly clock: Clock;
  /** Lends the terminal to `use` and draws everything again afterwards. */
  readonly lendTerminal: (use: () => Promise<void>) => Promise<void>;
};

/** The dashboard without its looks: state, keys and effects. */
export function createDashboard({source, clock, lendTerminal}: DashboardOptions): Dashboard {
  let state = initialState;
  let pending: Change[] = [];
  let flush: Disposable | undefined;
  let openLog: AbortController | undefined;
  const listeners = new Set<() => void>();
  const ended = new AbortController();

  const update = (next: State) => {
    if (next !== state) {
      state = next;
      for (const listener of listeners) {
        listener();
      }
    }
  };

  const onChange = (change: Change) => {
    pending.push(change);
    flush ??= clock.schedule(batchInterval, () => {
      flush = undefined;
      const changes = pending;
      pending = [];
      update(applyChanges(state, changes));
    });
  };

  const attempt = async (goal: string, action: () => Promise<unknown>) => {
    try {
      await action();
      update(applyNotice(state, {tone: 'good', text: `${goal}: asked for`}));
    } catch (error) {
      update(applyNotice(state, {tone: 'bad', text: `${goal}: ${messageOf(error)}`}));
    }
  };

  const followLog = async (workspace: string, logSource: LogSource, {signal}: AbortController) => {
    try {
      let rest = '';
      for await (const text of source.logs(workspace, logSource, signal)) {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        update(applyLog(state, lines));
      }
    } catch (error) {
      if (!signal.aborted) {
        update(applyNotice(state, {tone: 'bad', text: `logs of ${workspace}: ${messageOf(error)}`}));
      }
    }
  };

  const perform = async (effect: Effect): Promise<void> => {
    switch (effect.type) {
      case 'quit':
        ended.abort();
        return;
      case 'closeLogs':
        openLog?.abort();
        return;
      case 'openLogs':
        openLog?.abort();
        openLog = new AbortController();
        return followLog(effect.workspace, effect.source, openLog);
      case 'shell':
        try {
          await lendTerminal(() => source.shell(effect.workspace));
        } catch (error) {
          update(
            applyNotice(state, {tone: 'bad', text: `shell in ${effect.workspace}: ${messageOf(error)}`}),
          );
        }
        return;
      case 'setRunning': {
        const verb = effect.running ? 'start' : 'stop';
        await attempt(`${verb} ${effect.workspaces.join(', ')}`, () =>
          Promise.all(effect.workspaces.map(name => source.setRunning(name, effect.running))),
        );
        return;
      }

      case 'setUnschedulable':
        await attempt(`${effect.unschedulable ? 'cordon' : 'uncordon'} ${effect.node}`, () =>
          source.setUnschedulable(effect.node, effect.unschedulable),
        );
        return;
      case 'delete':
        await attempt(`delete ${effect.workspaces.join(', ')}`, () =>
          Promise.all(effect.workspaces.map(name => source.delete(name))),
        );
    }
  };

  return {
    state: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return {[Symbol.dispose]: () => listeners.delete(listener)};
    },
    press(key) {
      const command = interpret(state, key);
      if (command === undefined) {
        return;
      }

      const step = applyCommand(state, command, clock.now());
      update(step.state);
      for (const effect of step.effects) {
        void perform(effect);
      }
    },
    async run(signal) {
      const stop = AbortSignal.any([signal, ended.signal]);
      try {
        await Promise.race([source.watch(onChange, stop), aborted(stop)]);
      } finally {
        openLog?.abort();
        flush?.[Symbol.dispose]();
      }
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) {
      resolve();
    } else {
      signal.addEventListener('abort', () => resolve(), {once: true});
    }
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
