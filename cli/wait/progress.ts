import type {Condition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {kinds} from '../../api/v1alpha1/kinds.ts';
import type {Cli} from '../cli.ts';
import {createSpinner} from '../output/spinner.ts';
import {styleFor} from '../output/style.ts';
import {printable} from '../output/table.ts';
import {statusOf} from './goal.ts';

/** Tells on standard error how what is waited for comes along: a line for each condition that changes, and on a terminal what is going on now. */
export type Progress = Disposable & {
  show(resource: Stored): void;
  note(line: string): void;
};

export type ProgressOptions = {
  /** Which conditions are told of, by type; all by default. */
  readonly isOfInterest?: (type: string) => boolean;
};

export function createProgress(cli: Cli, {isOfInterest = () => true}: ProgressOptions = {}): Progress {
  const started = cli.clock.now();
  const style = styleFor(cli.stderr, cli.env);
  const seen = new Map<string, readonly Condition[]>();
  let present = '';
  const elapsed = () => `${((cli.clock.now() - started) / 1000).toFixed(1)}s`;
  const spinner = createSpinner(cli, () => `${elapsed()} ${present}`);
  const note = (line: string) => {
    spinner.clear();
    cli.note(line);
  };

  return {
    note,
    show(resource) {
      const name = `${kinds[resource.kind].singular}/${resource.metadata.name}`;
      const conditions = statusOf(resource).conditions ?? [];
      for (const condition of changed(seen.get(name), conditions).filter(({type}) => isOfInterest(type))) {
        const mark = condition.status === 'True' ? style('good', '✓') : style('dim', '·');
        note(
          `${elapsed().padStart(7)} ${name} ${mark} ${condition.type}: ${printable(condition.message)} (${condition.reason})`,
        );
      }

      seen.set(name, conditions);
      const open = conditions.find(({type, status}) => status !== 'True' && type !== 'Ready');
      present = open === undefined ? name : `${name} ${open.type}: ${printable(open.message)}`;
    },
    [Symbol.dispose]: () => spinner[Symbol.dispose](),
  };
}

/** Those whose status or reason is not what it was; at first sight, those that do not hold. Pure. */
export function changed(before: readonly Condition[] | undefined, after: readonly Condition[]): Condition[] {
  return after.filter(condition => {
    if (before === undefined) {
      return condition.status !== 'True';
    }

    const previous = before.find(({type}) => type === condition.type);
    return previous?.status !== condition.status || previous.reason !== condition.reason;
  });
}
