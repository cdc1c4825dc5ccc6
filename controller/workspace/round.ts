import {isAgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {TerminalError} from '../manager/terminal-error.ts';
import type {Action} from './action.ts';
import type {Actuator} from './actuator.ts';
import type {BookOptions, FailureBook} from './failures.ts';
import {countFailure} from './failures.ts';
import {canonicalJson} from './hashes.ts';
import type {Sight} from './sight.ts';
import {instanceOf, lastReport} from './sight.ts';

export type RoundInput = {
  readonly workspace: Stored<'Workspace'>;
  readonly sight: Sight;
  readonly actions: readonly Action[];
  /** What this reconcile has done already; added to. */
  readonly done: Set<string>;
  readonly book: FailureBook;
};

export type RoundResult = {
  readonly book: FailureBook;
  /** Milliseconds: nothing more can be done before. */
  readonly pause?: number;
};

type Answer =
  | {readonly kind: 'Done'}
  /** Refused for the moment, or the node was lost: no failure of the workspace. */
  | {readonly kind: 'Later'}
  | {readonly kind: 'Failed'; readonly code: string; readonly message: string};

/** Milliseconds until what a node could not do just now is asked again. */
const shortly = 1000;

/** Milliseconds until an operation that was told to end is looked at again. */
const endingInterval = 5000;

/** Performs actions that are safe together, all at once, and makes of their faults what the next plan goes by. */
export function createRound({actuator, log}: {readonly actuator: Actuator; readonly log: Logger}) {
  return async (input: RoundInput, options: BookOptions, signal: AbortSignal): Promise<RoundResult> => {
    const {workspace, actions, done} = input;
    const node = workspace.status?.node;
    if (node === undefined) {
      return {book: input.book, pause: shortly};
    }

    const target = {node, uid: workspace.metadata.uid, owner: workspace.spec.owner};
    const fresh = actions.filter(action => !done.has(canonicalJson(action)));
    if (fresh.length === 0) {
      return withoutEffect(input, options);
    }

    const answers = await Promise.all(
      fresh.map(async action => {
        done.add(canonicalJson(action));
        log.info({workspace: workspace.metadata.name, uid: target.uid, node, action: action.type}, 'acts');
        return answerOf(() => actuator.perform(target, action, signal), signal);
      }),
    );
    let {book} = input;
    for (const [index, answer] of answers.entries()) {
      const action = fresh[index];
      if (answer.kind === 'Failed' && action !== undefined) {
        const {code, message} = answer;
        book = countFailure(book, {operation: action.type, code, message, ...reportOf(input.sight)}, options);
      }
    }

    return answers.some(({kind}) => kind === 'Later') ? {book, pause: shortly} : {book};
  };
}

async function answerOf(perform: () => Promise<void>, signal: AbortSignal): Promise<Answer> {
  try {
    await perform();
    return {kind: 'Done'};
  } catch (error) {
    signal.throwIfAborted();
    if (!isAgentError(error)) {
      throw error;
    }

    switch (error.code) {
      case 'Fenced':
        throw new TerminalError('another controller has taken over this node', {cause: error});
      case 'Disconnected':
      case 'NotPermittedNow':
        return {kind: 'Later'};
      default:
        return {kind: 'Failed', code: error.code, message: error.message};
    }
  }
}

/** All was done before in this reconcile and is still called for: it is ending something, or it does not help. */
function withoutEffect(input: RoundInput, options: BookOptions): RoundResult {
  const [action] = input.actions;
  if (action === undefined || instanceOf(input.sight)?.operation !== undefined) {
    return {book: input.book, pause: endingInterval};
  }

  const message = `${action.type} was done and has not had its effect.`;
  const failure = {operation: action.type, code: 'NoEffect', message, ...reportOf(input.sight)};
  return {book: countFailure(input.book, failure, options)};
}

/** The error that the node reports already, so that it is not counted again. */
function reportOf(sight: Sight): {reportedAt?: string} {
  const at = lastReport(sight)?.lastError?.at;
  return at === undefined ? {} : {reportedAt: at};
}
