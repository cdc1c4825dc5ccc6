import type {FakeInstance} from '../fakes/fake-backend.ts';

/** Which state each instance was really in, and when: what observations are held against. */
export type InstanceHistory = {
  /** Follows an instance from now on. */
  follow(instance: FakeInstance): void;
  /** Whether it was in this state at some moment of the `slack` milliseconds before `time`. */
  wasIn(uid: string, state: string, span: {time: number; slack: number}): boolean;
};

export function createInstanceHistory(now: () => number): InstanceHistory {
  /** By uid, one for each that was ever made of it: a move has two at a time. */
  const histories = new Map<string, {readonly at: number; readonly state: string}[][]>();

  return {
    follow(instance) {
      const {uid} = instance;
      if (uid === undefined || instance.isCopy) {
        return;
      }

      const history: {readonly at: number; readonly state: string}[] = [];
      histories.set(uid, [...(histories.get(uid) ?? []), history]);
      let {state} = instance;
      history.push({at: now(), state});
      Object.defineProperty(instance, 'state', {
        configurable: true,
        enumerable: true,
        get: () => state,
        set(next: FakeInstance['state']) {
          state = next;
          history.push({at: now(), state});
        },
      });
    },
    wasIn(uid, state, {time, slack}) {
      return (histories.get(uid) ?? []).some(history =>
        history.some((entry, index) => {
          const end = history[index + 1]?.at ?? Number.POSITIVE_INFINITY;
          return entry.state === state && entry.at <= time && end >= time - slack;
        }),
      );
    },
  };
}
