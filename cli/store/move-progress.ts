import type {RecordCounts} from '../../api/storage/moving/movable-store.ts';
import {describeCounts} from '../../api/storage/moving/movable-store.ts';
import type {Cli} from '../cli.ts';
import {createSpinner} from '../output/spinner.ts';

/** How a store's records go by: on a terminal, a line that counts them. */
export type MoveProgress = Disposable & {
  show(counts: RecordCounts): void;
  note(line: string): void;
};

/** `verb` such as `copied`. */
export function createMoveProgress(cli: Cli, verb: string): MoveProgress {
  let present: string | undefined;
  const spinner = createSpinner(cli, () => present);
  return {
    show(counts) {
      present = `${verb} ${describeCounts(counts)}`;
    },
    note(line) {
      spinner.clear();
      cli.note(line);
    },
    [Symbol.dispose]: () => spinner[Symbol.dispose](),
  };
}
