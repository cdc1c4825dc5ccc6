import type {Command} from 'commander';
import type {Registration} from './registration.ts';

export function addVersionCommand(program: Command, {cli}: Registration): void {
  program
    .command('version')
    .description('print the version')
    .action(() => cli.print(`nexus ${cli.version}`));
}
