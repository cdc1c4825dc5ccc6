/** What must never happen. */
export type Invariant =
  | 'OneLiveInstance'
  | 'PortLeasedOnce'
  | 'UnsavedWorkKept'
  | 'StatusIsObserved'
  | 'Convergence'
  | 'NoOrphan'
  | 'StrangersUntouched'
  | 'EventsBounded'
  | 'NoHotLoop';

/** An invariant that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: Invariant;

  constructor(invariant: Invariant, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}
