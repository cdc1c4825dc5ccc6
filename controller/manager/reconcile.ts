/** What a reconcile asks for. Neither: nothing is waited for, the next change brings the key back. */
export type ReconcileResult = {
  /** Look again after so many milliseconds, whatever happens. */
  readonly requeueAfter?: number;
  /** What is waited for; for logs. */
  readonly reason?: string;
};

/**
 * Brings one object closer to what is declared. Four rules, as in controller-runtime:
 *
 * 1. It is given a key, not a change: it reads what is so now, and must be right whatever was missed or repeated.
 * 2. It is never run twice at once for one key, and at any time for different ones.
 * 3. What it throws is logged and retried with back-off; a `TerminalError` is not retried; `Conflict` of the store is retried without ado.
 * 4. `signal` is aborted at its deadline and when the process must stop. It then ends soon; nothing else ends it.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;
