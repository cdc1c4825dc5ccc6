import {Transform} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {AgentError, isAgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {InstanceSpec} from '../../api/agent/v1alpha1/instance.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import type {Agents} from '../agent-client/agents.ts';

export type CopyRequest = {
  readonly uid: string;
  readonly source: string;
  readonly target: string;
  readonly provider: Provider;
  readonly limits: InstanceSpec['limits'];
  readonly transfer: string;
  readonly attempt: number;
};

/** How a copy that this server makes stands. One that has succeeded shows on its target. */
export type Copy =
  | {readonly state: 'Running'; readonly attempt: number; readonly copied: number}
  | {readonly state: 'Done'; readonly attempt: number; readonly copied: number}
  | {
      readonly state: 'Failed';
      readonly attempt: number;
      readonly code: AgentError['code'];
      readonly message: string;
    };

/** Streams between agents, through this server: what arrives from one goes to the other as fast as that takes it, and nothing is kept. */
export type Copies = {
  /** Begins it in the background, unless that attempt was begun already. */
  begin(request: CopyRequest): void;
  view(transfer: string): Copy | undefined;
  /** Ends it, if it runs, and forgets it. */
  end(transfer: string): void;
  /** Called with the uid of a workspace when its copy has ended, well or not. */
  onEnd(listener: (uid: string) => void): Disposable;
};

export type CopiesOptions = {
  readonly agents: Pick<Agents, 'open'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends all of them. */
  readonly signal: AbortSignal;
  /** Milliseconds without a byte after which one is given up: backends pack and unpack in silence. 30 minutes by default. */
  readonly patience?: number;
};

export function createCopies({
  agents,
  clock,
  log,
  signal: lifetime,
  patience = 30 * 60_000,
}: CopiesOptions): Copies {
  const running = new Map<string, {copy: Copy; readonly abort: AbortController}>();
  const listeners = new Set<(uid: string) => void>();

  const stream = async (request: CopyRequest, signal: AbortSignal, passed: (bytes: number) => void) => {
    const {uid, source, target, provider, limits, transfer} = request;
    // The target first: there is no use in packing for one that does not take it.
    const to = await agents.open(target, 'instance/import', {uid, transfer, provider, limits}, signal);
    try {
      const from = await agents.open(source, 'instance/export', {uid, transfer}, signal);
      try {
        const counter = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            passed(chunk.length);
            done(null, chunk);
          },
        });
        // Whichever fails first tells why; the other's failure follows from it.
        await Promise.all([pipeline(from.output, counter, to.input, {signal}), from.finished, to.finished]);
      } finally {
        from.abort();
      }
    } finally {
      to.abort();
    }
  };

  const run = async (request: CopyRequest, abort: AbortController) => {
    const {transfer, attempt, uid} = request;
    const set = (copy: Copy) => {
      const present = running.get(transfer);
      if (present?.abort === abort) {
        present.copy = copy;
      }
    };
    let copied = 0;
    let alarm: Disposable | undefined;
    const rearm = () => {
      alarm?.[Symbol.dispose]();
      alarm = clock.schedule(patience, () =>
        abort.abort(new AgentError('Internal', `nothing came or went for ${Math.round(patience / 1000)} s`)),
      );
    };
    rearm();
    const signal = AbortSignal.any([lifetime, abort.signal]);
    try {
      await stream(request, signal, bytes => {
        copied += bytes;
        set({state: 'Running', attempt, copied});
        rearm();
      });
      set({state: 'Done', attempt, copied});
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : error;
      log.info({error: reason, ...request}, 'a copy failed');
      const message = reason instanceof Error ? reason.message : String(reason);
      set({
        state: 'Failed',
        attempt,
        code: isAgentError(reason) ? reason.code : 'Internal',
        message,
      });
    } finally {
      alarm?.[Symbol.dispose]();
    }
    for (const listener of [...listeners]) {
      listener(uid);
    }
  };

  return {
    begin(request) {
      const {transfer, attempt} = request;
      const present = running.get(transfer);
      if (present !== undefined && present.copy.attempt >= attempt) {
        return;
      }
      present?.abort.abort(new AgentError('NotPermittedNow', 'another attempt has begun'));
      const abort = new AbortController();
      running.set(transfer, {copy: {state: 'Running', attempt, copied: 0}, abort});
      void run(request, abort);
    },
    view: transfer => running.get(transfer)?.copy,
    end(transfer) {
      const present = running.get(transfer);
      running.delete(transfer);
      present?.abort.abort(new AgentError('NotPermittedNow', 'the move is over'));
    },
    onEnd(listener) {
      listeners.add(listener);
      return {[Symbol.dispose]: () => void listeners.delete(listener)};
    },
  };
}
