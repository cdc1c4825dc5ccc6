import {timestampAt} from '../../api/effects/clock.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import type {StoreOptions} from '../server/store-choice.ts';
import {storeChoice} from '../server/store-choice.ts';
import {holdStore} from '../store/open-movable.ts';
import {serverCommand} from '../store/server-command.ts';

export type ReopenOptions = StoreOptions & {readonly store: string; readonly otherIsLost?: boolean};

/** Undoes the end of a move, for when what it was moved to is lost. */
export async function reopenStore(cli: Cli, options: ReopenOptions): Promise<void> {
  const choice = storeChoice(cli, options.store, options);
  await using held = await holdStore(cli, choice, {create: false});
  const {store} = held;
  const mark = await store.mark();
  if (mark?.phase !== 'Moved') {
    throw new CliError('conflict', `${store.place} was not moved to another store`);
  }

  if (options.otherIsLost !== true) {
    throw new CliError('refused', `${mark.place} is used in its place since ${mark.at}`, {
      hint: 'Only if no server uses that one, or ever will, add --other-is-lost: what was made there since is unknown here, and its machines are removed.',
    });
  }

  await store.setMark({...mark, phase: 'InUse', at: timestampAt(cli.clock.now())});
  cli.print(`${store.place} is in use again, as it was at ${mark.at}`);
  cli.print(`next: ${serverCommand(choice)}`);
}
