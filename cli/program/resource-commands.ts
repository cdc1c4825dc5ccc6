import type {Command} from 'commander';
import type {ApplyCommandOptions} from '../commands/apply.ts';
import type {DeleteOptions} from '../commands/delete.ts';
import type {EventsOptions} from '../commands/events.ts';
import type {GetOptions} from '../commands/get.ts';
import type {WaitCommandOptions} from '../commands/wait.ts';
import {withFiles, withOutput, withWait} from './options.ts';
import type {Registration} from './registration.ts';

export function addResourceCommands(program: Command, {cli, setExitCode}: Registration): void {
  withWait(withFiles(program.command('apply')), '10m')
    .description('make resources what a file declares them to be')
    .option('--dry-run', 'check everything, change nothing')
    .option('--recreate', 'allow a new container where the change needs one')
    .option('--force', 'with --recreate: even if unsaved work in the old container is lost')
    .option('-o, --output <format>', 'print the resources: json, yaml, name or jsonpath=PATH')
    .action(async (options: ApplyCommandOptions) => {
      const {apply} = await import('../commands/apply.ts');
      await apply(cli, options);
    });

  withFiles(program.command('diff'))
    .description('show what apply would change and do; exit code 1 when anything, 0 when nothing')
    .action(async (options: {filename?: string[]}) => {
      const {diff} = await import('../commands/diff.ts');
      setExitCode(await diff(cli, options));
    });

  withOutput(program.command('get'))
    .argument('<kind-and-names...>', 'such as workspaces, ws NAME, node/NAME, ws,nodes')
    .description('list resources, or show some')
    .option('-l, --selector <labels>', 'only those with these labels, such as app=web,tier!=test')
    .option('--field-selector <fields>', 'only those with these fields, such as spec.owner=ada')
    .option('-w, --watch', 'go on showing what changes')
    .action(async (words: string[], options: GetOptions) => {
      const {get} = await import('../commands/get.ts');
      await get(cli, words, options);
    });

  program
    .command('describe')
    .argument('<kind-and-names...>', 'such as workspace NAME or node/NAME')
    .description('show all there is to know of resources, with their conditions and events')
    .action(async (words: string[]) => {
      const {describe} = await import('../commands/describe.ts');
      await describe(cli, words);
    });

  withFiles(program.command('delete'))
    .argument('[kind-and-names...]', 'such as workspace/NAME')
    .description(
      'delete resources; a workspace with unsaved work is kept for 7 days (nexus workspace undelete)',
    )
    .option('--force', 'destroy unsaved work, and let go of what an unreachable node keeps')
    .option('--no-wait', 'do not wait until they are gone')
    .option('--timeout <duration>', 'give up waiting after this (default: 2m)')
    .option('--ignore-not-found', 'what is not there counts as deleted')
    .option('--dry-run', 'check everything, delete nothing')
    .action(async (words: string[], options: DeleteOptions) => {
      const {deleteResources} = await import('../commands/delete.ts');
      await deleteResources(cli, words, options);
    });

  program
    .command('edit')
    .argument('<kind-and-name...>', 'such as workspace/NAME')
    .description('change a resource in your editor (VISUAL, EDITOR)')
    .option('--recreate', 'allow a new container where the change needs one')
    .action(async (words: string[], options: {recreate?: boolean}) => {
      const {edit} = await import('../commands/edit.ts');
      await edit(cli, words, options);
    });

  program
    .command('wait')
    .argument('<kind-and-names...>', 'such as workspace/NAME')
    .description('wait until resources are as wanted')
    .requiredOption('--for <goal>', 'condition=Ready, condition=Ready=False, delete or jsonpath={PATH}=VALUE')
    .option('--timeout <duration>', 'give up after this', '5m')
    .action(async (words: string[], options: WaitCommandOptions) => {
      const {wait} = await import('../commands/wait.ts');
      await wait(cli, words, options);
    });

  withOutput(program.command('events'))
    .description('show what has happened, oldest first')
    .option('--for <resource>', 'only to this one, such as workspace/NAME')
    .option('-w, --watch', 'go on showing what happens')
    .action(async (options: EventsOptions) => {
      const {events} = await import('../commands/events.ts');
      await events(cli, options);
    });
}
