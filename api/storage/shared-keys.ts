/** Secrets that all servers of one store have in common, by name. */
export type SharedKeys = {
  /** Where they are, for people. */
  readonly place: string;
  /**
   * Resolves to all of them. `propose` is asked when there are none yet, or some are missing; of those that propose at the same time one prevails, and
   * the rest get what it proposed. Undefined where there is no such place, so that each has its own.
   */
  ensure(propose: (present: KeySet) => Promise<KeySet>): Promise<KeySet | undefined>;
};

export type KeySet = Readonly<Record<string, string>>;
