import type {Client} from '../../api/client/client.ts';
import {follow} from '../../api/client/watch.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import {parseDuration} from '../../api/v1alpha1/duration.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import type {Target} from '../resource-name.ts';
import {nameOf} from '../resource-name.ts';
import type {Goal} from './goal.ts';
import {describeGoal, isReached, statusOf} from './goal.ts';
import type {Progress} from './progress.ts';
import {createProgress} from './progress.ts';

export type WaitOptions = {
  readonly targets: readonly Target[];
  readonly goal: Goal;
  /** As people write it, such as `5m`. */
  readonly timeout: string;
};

/** Resolves once all targets are as wanted. Throws CliError `timedOut`, with what each that is not was last seen to be, or `notFound`. */
export async function waitFor(
  cli: Cli,
  client: Client,
  {targets, goal, timeout}: WaitOptions,
): Promise<void> {
  if (targets.length === 0) {
    return;
  }

  const expiry = new AbortController();
  using _timer = cli.clock.schedule(parseTimeout(timeout), () => expiry.abort());
  using progress = createProgress(
    cli,
    goal.type === 'Delete' ? {isOfInterest: type => type === 'Ready'} : {},
  );
  const signal = AbortSignal.any([cli.signal, expiry.signal]);
  const outcomes = await Promise.all(
    targets.map(async target => ({target, ...(await waitForOne(client, target, {goal, signal, progress}))})),
  );
  cli.signal.throwIfAborted();
  const late = outcomes.filter(({reached}) => !reached);
  if (late.length > 0) {
    throw new CliError(
      'timedOut',
      `waited ${timeout} for ${describeGoal(goal)}, and still not: ${late.map(({target}) => nameOf(target)).join(', ')}`,
      {
        details: late.flatMap(({last}) => (last === undefined ? [] : whatIsMissing(last))),
        hint: `Work on it goes on. Look closer with \`nexus describe ${late.map(({target}) => nameOf(target))[0]}\`.`,
      },
    );
  }
}

type Outcome = {readonly reached: boolean; readonly last: Stored | undefined};

async function waitForOne(
  client: Client,
  {kind, name}: Target,
  {goal, signal, progress}: {readonly goal: Goal; readonly signal: AbortSignal; readonly progress: Progress},
): Promise<Outcome> {
  let last: Stored | undefined;
  for await (const change of follow(client, kind, {fieldSelector: `metadata.name=${name}`, signal})) {
    switch (change.type) {
      case 'Listed': {
        last = change.items[0];
        if (last === undefined && goal.type !== 'Delete') {
          throw new CliError('notFound', `${nameOf({kind, name})} is not there`, {
            hint: '`nexus get` lists what there is.',
          });
        }

        break;
      }

      case 'Added':
      case 'Modified': {
        last = change.object;
        break;
      }

      case 'Deleted': {
        if (goal.type !== 'Delete') {
          throw new CliError('notFound', `${nameOf({kind, name})} was deleted while it was waited for`);
        }

        last = undefined;
        break;
      }

      case 'Disconnected': {
        progress.note(`${change.error.message}; trying again`);
        continue;
      }

      case 'Connected': {
        progress.note('The server answers again.');
        continue;
      }
    }

    if (last !== undefined) {
      progress.show(last);
    }

    if (isReached(goal, last)) {
      return {reached: true, last};
    }
  }

  return {reached: false, last};
}

/** What a person would look at first: the conditions that do not hold. */
function whatIsMissing(resource: Stored): string[] {
  const conditions = statusOf(resource).conditions ?? [];
  const open = conditions.filter(({type, status}) => status !== 'True' && type !== 'Ready');
  const shown =
    open.length > 0 ? open : [findCondition(conditions, 'Ready')].filter(each => each !== undefined);
  return shown.length === 0
    ? [`${resource.metadata.name}: nothing is known of it yet; does the controller run?`]
    : shown.map(
        ({type, status, reason, message}) =>
          `${resource.metadata.name}: ${type}=${status} (${reason}): ${message}`,
      );
}

/** Milliseconds; throws CliError `usage`. */
export function parseTimeout(text: string): number {
  try {
    // A bare number is seconds, as elsewhere.
    return parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  } catch (error) {
    throw new CliError('usage', `--timeout: ${error instanceof Error ? error.message : String(error)}`);
  }
}
