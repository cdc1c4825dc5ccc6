import type {Clock} from '../../effects/clock.ts';

/** What `next` gives, or `Quiet` when it gives nothing within `milliseconds`: it may be waited for again. */
export async function nextWithin<T>(
  next: Promise<T>,
  milliseconds: number,
  clock: Clock,
): Promise<T | 'Quiet'> {
  // Who stops waiting must not fail by what comes later.
  next.catch(() => undefined);
  const quiet = Promise.withResolvers<'Quiet'>();
  using _timer = clock.schedule(milliseconds, () => quiet.resolve('Quiet'));
  return await Promise.race([next, quiet.promise]);
}
