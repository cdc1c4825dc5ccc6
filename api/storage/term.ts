/** A time for which this process, and no other, leads. */
export type Term = {
  /** Larger than that of any term before. */
  readonly epoch: number;
  /** Aborted as soon as it is over: what acts must stop at once, not in good order. */
  readonly signal: AbortSignal;
  /**
   * Throws when it is over. To be called before anything that acts: a process that stood still, and goes on, comes to act before its timers
   * have told that it is late.
   */
  check(): void;
};

/** The term of one that nobody else competes with. */
export function endlessTerm(epoch: number): Term {
  return {epoch, signal: new AbortController().signal, check() {}};
}

/** Does what a leader does. Resolves once it is done with that: `stopping` asks for an end in good order, the term's signal for one at once. */
export type Lead = (term: Term, stopping: AbortSignal) => Promise<void>;

/** Whether this process leads, and who else does. */
export type Standing = {
  readonly leading: boolean;
  /** The leader's name, as far as it is known. */
  readonly leader: string | undefined;
  /** Whether the store has answered lately: as long as a leader may act without an answer. */
  readonly heard: boolean;
};
