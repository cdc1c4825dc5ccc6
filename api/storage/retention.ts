/** How long the past is kept. The last revision of a living object always is. Times in milliseconds. */
export type Retention = {
  /** Revisions beyond so many, newest first, are compacted. */
  readonly revisions: number;
  /** Older revisions are compacted. */
  readonly age: number;
  /** The last state of an object that is gone, from which it can be made again; not of Events. */
  readonly deleted: number;
  /** Events of type Normal, from when they were last seen. */
  readonly normalEvents: number;
  readonly warningEvents: number;
  /** Events beyond so many, newest first, expire. */
  readonly events: number;
};

const hour = 3_600_000;

export const defaultRetention: Retention = {
  revisions: 20_000,
  age: 24 * hour,
  deleted: 30 * 24 * hour,
  normalEvents: 24 * hour,
  warningEvents: 7 * 24 * hour,
  events: 10_000,
};
