import {agentHome, ensureInstallation} from '../../agent/system/agent-home.ts';
import {systemRandom} from '../../api/effects/random.ts';
import {describeCounts} from '../../api/storage/moving/movable-store.ts';
import {checkMove, MoveRefused, moveStore} from '../../api/storage/moving/move-store.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import type {StoreChoice} from '../server/open-store.ts';
import {shareHome} from '../server/shared-home.ts';
import type {StoreOptions} from '../server/store-choice.ts';
import {storeChoice} from '../server/store-choice.ts';
import {createMoveProgress} from '../store/move-progress.ts';
import type {HeldStore} from '../store/open-movable.ts';
import {holdStore, untilLost} from '../store/open-movable.ts';
import {serverCommand} from '../store/server-command.ts';

export type MigrateOptions = StoreOptions & {readonly to: string};

/** Moves the store of this home into a cluster, or back. Neither can be used by a server meanwhile. */
export async function migrateStore(cli: Cli, options: MigrateOptions): Promise<void> {
  const cluster = storeChoice(cli, 'kubernetes', options);
  const sqlite = storeChoice(cli, 'sqlite', {});
  const [from, to] = direction(options.to, {cluster, sqlite});
  await using source = await holdStore(cli, from, {create: false});
  await using destination = await holdStore(cli, to, {create: true});
  using holding = untilLost(cli.signal, [source, destination]);
  const stores = {
    source: source.store,
    destination: destination.store,
    random: systemRandom,
    signal: holding.signal,
  };
  const installation = await belong(cli, {source, destination, stores}).catch((error: unknown) => {
    throw explain(error, serverCommand(from));
  });
  cli.note(`moving ${source.store.place}\n    to ${destination.store.place}`);
  using progress = createMoveProgress(cli, 'copied');
  const {counts, already} = await moveStore({
    ...stores,
    clock: cli.clock,
    onStep(step) {
      switch (step.type) {
        case 'Copying':
          progress.show(step.copied);
          break;
        case 'Again':
          progress.note('somebody wrote to it meanwhile: copying what changed');
          break;
        case 'Switching':
          progress.note('all is copied: taking it into use');
      }
    },
  }).catch((error: unknown) => {
    if (cli.signal.aborted) {
      progress.note(
        `interrupted: run this again to go on; until then ${serverCommand(from)} works as before`,
      );
    }

    throw explain(error, serverCommand(from));
  });
  await destination.belongs.claim(installation);
  cli.print(
    already
      ? `it was moved before: ${describeCounts(counts)} in ${destination.store.place}`
      : `moved ${describeCounts(counts)}`,
  );
  cli.print(`next: ${serverCommand(to)}`);
}

/**
 * Sees to it that home and cluster are of one installation, with the same keys: those of the home go into the cluster for its servers, or come from there
 * to a home that has none. Resolves to that installation.
 */
async function belong(
  cli: Cli,
  {
    source,
    destination,
    stores,
  }: {source: HeldStore; destination: HeldStore; stores: Parameters<typeof checkMove>[0]},
): Promise<string> {
  // What is refused leaves no keys anywhere.
  await checkMove(stores);
  const home = agentHome(cli.home);
  const known = await source.belongs.installation();
  if (known !== undefined) {
    await ensureInstallation(home, known);
  }

  const keys = source.keys ?? destination.keys;
  if (
    keys !== undefined &&
    !(await shareHome({home: cli.home, keys, random: systemRandom, signal: cli.signal}))
  ) {
    cli.note(
      'this API server has no Secrets: servers that run elsewhere need a copy of the keys in this home',
    );
  }

  return await ensureInstallation(home);
}

function direction(
  to: string,
  {cluster, sqlite}: {cluster: StoreChoice; sqlite: StoreChoice},
): readonly [StoreChoice, StoreChoice] {
  switch (to) {
    case 'kubernetes':
      return [sqlite, cluster];
    case 'sqlite':
      return [cluster, sqlite];
    default:
      throw new CliError('usage', `--to is kubernetes or sqlite, not "${to}"`);
  }
}

function explain(error: unknown, present: string): unknown {
  if (error instanceof MoveRefused) {
    return new CliError('conflict', error.message, {
      hint: 'Nothing was changed. Choose another --namespace, or another NEXUS_HOME.',
      cause: error,
    });
  }

  return error instanceof Error
    ? new CliError('failed', `the store was not moved: ${error.message}`, {
        hint: `Run this again to go on with it; or go on as before with: ${present}`,
        cause: error,
      })
    : error;
}
