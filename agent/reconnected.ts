import type {Clock} from '../api/effects/clock.ts';
import type {Logger} from '../api/effects/logger.ts';
import type {Random} from '../api/effects/random.ts';
import type {DriverEvent} from './driver.ts';

export type ReconnectedOptions = {readonly clock: Clock; readonly random: Random; readonly log: Logger};

/** Milliseconds between attempts to connect: the first, and the most. */
const firstDelay = 50;
const longestDelay = 5000;

/**
 * The events of one connection to a backend after the other, until the signal. Each connection begins with "anything", since what happened
 * meanwhile was missed.
 */
export async function* reconnected(
  {clock, random, log}: ReconnectedOptions,
  signal: AbortSignal,
  connect: (signal: AbortSignal) => AsyncIterable<DriverEvent>,
): AsyncIterable<DriverEvent> {
  let delay = firstDelay;
  while (!signal.aborted) {
    try {
      for await (const event of connect(signal)) {
        delay = firstDelay;
        yield event;
      }
      log.warn({}, 'the event stream of the backend has ended');
    } catch (error) {
      if (signal.aborted) return;
      log.warn({error}, 'the event stream of the backend is not available');
    }

    await clock.sleep(delay * (0.5 + random.fraction() / 2), signal).catch(() => {});
    delay = Math.min(delay * 2, longestDelay);
  }
}
