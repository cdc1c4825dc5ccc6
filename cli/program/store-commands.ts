import type {Command} from 'commander';
import {Option} from 'commander';
import type {ExportOptions} from '../commands/store-export.ts';
import type {ImportOptions} from '../commands/store-import.ts';
import type {MigrateOptions} from '../commands/store-migrate.ts';
import type {ReopenOptions} from '../commands/store-reopen.ts';
import type {Registration} from './registration.ts';

export function addStoreCommands(program: Command, {cli}: Registration): void {
  const store = program
    .command('store')
    .description('copy the store, or move it between SQLite and Kubernetes');

  store
    .command('backup')
    .argument('<file>')
    .description('write a consistent copy of the SQLite store, also while the server runs')
    .action(async (file: string) => {
      const {backupStore} = await import('../commands/store.ts');
      await backupStore(cli, file);
    });

  withStore(
    store
      .command('export')
      .argument('[file]', '- for standard output, which is also the default')
      .description('write all that a store holds to a plain file, also while the server runs')
      .addOption(storeKind()),
  )
    .addHelpText(
      'after',
      '\nThe file holds hashes of tokens, and credentials encrypted with $NEXUS_HOME/secret.key, which is not in it. Workspaces themselves are not, either.',
    )
    .action(async (file: string | undefined, options: ExportOptions) => {
      const {exportStore} = await import('../commands/store-export.ts');
      await exportStore(cli, file, options);
    });

  withStore(
    store
      .command('import')
      .argument('[file]', '- for standard input, which is also the default')
      .description('fill an empty store with what nexus store export wrote')
      .addOption(storeKind()),
  )
    .addHelpText(
      'after',
      '\nThe server of the store that it came from must not run any more: two would act on the same machines.',
    )
    .action(async (file: string | undefined, options: ImportOptions) => {
      const {importFile} = await import('../commands/store-import.ts');
      await importFile(cli, file, options);
    });

  withStore(
    store
      .command('migrate')
      .description("move this installation's store, while its workspaces run on; the server must be stopped")
      .addOption(
        new Option('--to <kind>', 'kubernetes: from SQLite; sqlite: from Kubernetes')
          .choices(storeKinds)
          .makeOptionMandatory(),
      ),
  )
    .addHelpText(
      'after',
      '\nInterrupted at any point it is run again and goes on. Until the end the store it moves from stays in use; then no server uses that one any more.',
    )
    .action(async (options: MigrateOptions) => {
      const {migrateStore} = await import('../commands/store-migrate.ts');
      await migrateStore(cli, options);
    });

  withStore(
    store
      .command('reopen')
      .description('take a store back into use that was moved to another one, which is lost')
      .addOption(storeKind())
      .option('--other-is-lost', 'no server uses the other one, or ever will'),
  ).action(async (options: ReopenOptions) => {
    const {reopenStore} = await import('../commands/store-reopen.ts');
    await reopenStore(cli, options);
  });
}

const storeKinds = ['sqlite', 'kubernetes'];

function storeKind(): Option {
  return new Option('--store <kind>', 'which store: that of this home, or that of a namespace')
    .choices(storeKinds)
    .default('sqlite');
}

function withStore(command: Command): Command {
  return command
    .option(
      '--kubeconfig <file>',
      'of the API server (default: $KUBECONFIG, ~/.kube/config, or that of the pod)',
    )
    .option('--context <name>', 'of the kubeconfig (default: its current one)')
    .option('--namespace <name>', "whose resources are the store (default: the context's, else default)");
}
