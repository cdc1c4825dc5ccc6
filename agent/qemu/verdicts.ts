import type {Clock} from '../../api/effects/clock.ts';
import type {Accelerator, Verdict} from './accelerator.ts';
import type {Image} from './images.ts';

/** Milliseconds after which it is tried again whether KVM runs machines, when that was left open: twice as long each time, since a trial that hangs takes a processor meanwhile. */
const firstPause = 300_000;
const longestPause = 24 * 3_600_000;

export type VerdictsOptions = {
  readonly clock: Clock;
  readonly find: (image: Image) => Promise<Verdict>;
};

type Tried = {readonly verdict: Promise<Verdict>; readonly pause: number; again: number};

/** What runs machines of an image here: one kernel may run where another does not. Tried once, but for what is not certain. Rejects as `find` does, which is then tried again. */
export function createVerdicts({clock, find}: VerdictsOptions): (image: Image) => Promise<Accelerator> {
  /** By digest. */
  const known = new Map<string, Tried>();

  const begin = (image: Image): Tried => {
    const before = known.get(image.digest);
    const pause = before === undefined ? firstPause : Math.min(longestPause, before.pause * 2);
    const tried: Tried = {verdict: find(image), pause, again: Number.POSITIVE_INFINITY};
    known.set(image.digest, tried);
    return tried;
  };

  return async image => {
    const last = known.get(image.digest);
    const tried = last === undefined || clock.now() >= last.again ? begin(image) : last;
    try {
      const {accelerator, isCertain} = await tried.verdict;
      if (!isCertain && tried.again === Number.POSITIVE_INFINITY) tried.again = clock.now() + tried.pause;
      return accelerator;
    } catch (error) {
      if (known.get(image.digest) === tried) known.delete(image.digest);
      throw error;
    }
  };
}
