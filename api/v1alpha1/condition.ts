import {z} from 'zod';
import {timestamp} from './metadata.ts';

/** Unknown is a first-class answer: the evidence is older than it may be. */
export const conditionStatus = z.enum(['True', 'False', 'Unknown']);

export const condition = z.strictObject({
  type: z.string().describe('What it is about, such as Ready.'),
  status: conditionStatus.describe('Unknown when the evidence is older than it may be.'),
  reason: z.string().describe('One CamelCase word for programs.'),
  message: z.string().describe('For people: what is so, why, and what they can do.'),
  observedGeneration: z.int().optional().describe('The generation of spec that this was judged against.'),
  lastTransitionTime: timestamp.describe('When status last changed.'),
});

export type Condition = z.infer<typeof condition>;

/** A condition as the pure code states it; {@link setCondition} dates it. */
export type ConditionStatement = Omit<Condition, 'lastTransitionTime'>;

/**
 * `conditions` with `statement` in it, at its old place or at the end. The transition time moves only when the
 * status changes, so that stating the same thing again is no change.
 */
export function setCondition(
  conditions: readonly Condition[],
  statement: ConditionStatement,
  now: string,
): Condition[] {
  const previous = conditions.find(({type}) => type === statement.type);
  const next: Condition = {
    ...statement,
    lastTransitionTime: previous?.status === statement.status ? previous.lastTransitionTime : now,
  };
  return previous === undefined
    ? [...conditions, next]
    : conditions.map(existing => (existing === previous ? next : existing));
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find(existing => existing.type === type);
}
