import type {SetupEvent, SetupStep, StepFinished} from '../../api/node-setup/messages.ts';
import type {StepProgress} from './step-progress.ts';

/** What came of a setup or a test. */
export type StepOutcome = {
  readonly ok: boolean;
  /** The last word on each step, in order. */
  readonly steps: readonly StepFinished[];
  readonly milliseconds: number;
};

/** Remembers what was told in several attempts at the same, so that nothing is told twice. */
export type StepHistory = {
  readonly isKnown: (step: SetupStep) => boolean;
  /** Shows events as they come. A failure that `isHandled` is not shown: something is done about it. */
  follow(
    events: AsyncIterable<SetupEvent>,
    progress: StepProgress,
    isHandled?: (failure: StepFinished) => boolean,
  ): Promise<StepOutcome>;
};

export function createStepHistory(): StepHistory {
  const finished = new Map<SetupStep, StepFinished>();
  const isKnown = (step: SetupStep) => {
    const last = finished.get(step);
    return last !== undefined && last.outcome !== 'failed';
  };
  return {
    isKnown,
    async follow(events, progress, isHandled = () => false) {
      let ok = false;
      let milliseconds = 0;
      for await (const event of events) {
        if (event.type !== 'finished' || event.outcome !== 'failed' || !isHandled(event)) {
          progress.show(event);
        }

        if (event.type === 'finished' && !isKnown(event.step)) {
          finished.set(event.step, event);
        } else if (event.type === 'ended') {
          ({ok, milliseconds} = event);
        }
      }

      return {ok, steps: [...finished.values()], milliseconds};
    },
  };
}
