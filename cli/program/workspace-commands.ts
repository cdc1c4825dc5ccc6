import type {Command} from 'commander';
import type {DeleteOptions} from '../commands/delete.ts';
import type {GetOptions} from '../commands/get.ts';
import type {CreateOptions, PowerOptions} from '../commands/workspace.ts';
import {withOutput, withWait} from './options.ts';
import type {Registration} from './registration.ts';
import {addExec, addLogs} from './stream-commands.ts';

export function addWorkspaceCommands(program: Command, registration: Registration): void {
  const {cli} = registration;
  const workspace = program.command('workspace').alias('ws').description('create and manage workspaces');

  withWait(workspace.command('create'), '10m')
    .argument('<owner/repo>', 'on GitHub, or the address of any repository')
    .description('create a workspace of a repository; its .nexus/config.yaml says what runs, or its files do')
    .option('--name <name>', "the repository's name by default")
    .option('--branch <branch>', "the repository's default branch by default")
    .option('--provider <provider>', 'lxc, docker or qemu', 'lxc')
    .option('--image <image>', 'nexus/base by default')
    .action(async (repository: string, options: CreateOptions) => {
      const {createWorkspace} = await import('../commands/workspace.ts');
      await createWorkspace(cli, repository, options);
    });

  withOutput(workspace.command('list'))
    .alias('ls')
    .description('list workspaces')
    .option('-w, --watch', 'go on showing what changes')
    .action(async (options: GetOptions) => {
      const {get} = await import('../commands/get.ts');
      await get(cli, ['workspaces'], options);
    });

  workspace
    .command('status')
    .argument('<name>')
    .description('show how a workspace is')
    .action(async (name: string) => {
      const {describe} = await import('../commands/describe.ts');
      await describe(cli, ['workspace', name]);
    });

  workspace
    .command('services')
    .argument('<name>')
    .description("list a workspace's services")
    .option('-o, --output <format>', 'table, json or yaml')
    .action(async (name: string, options: {output?: string}) => {
      const {services} = await import('../commands/services.ts');
      await services(cli, name, options);
    });

  workspace
    .command('restart')
    .argument('<name>')
    .argument('<service>')
    .description('restart one service')
    .action(async (name: string, service: string) => {
      const {restartService} = await import('../commands/services.ts');
      await restartService(cli, name, service);
    });

  addLogs(workspace, registration);
  addExec(workspace, registration);

  for (const [name, description] of [
    ['start', 'start a workspace'],
    ['stop', 'stop a workspace; what is in it is kept'],
  ] as const) {
    withWait(workspace.command(name), '5m')
      .argument('<name...>')
      .description(description)
      .action(async (names: string[], options: PowerOptions) => {
        const {setRunning} = await import('../commands/workspace.ts');
        await setRunning(cli, {names, running: name === 'start'}, options);
      });
  }

  workspace
    .command('delete')
    .argument('<name...>')
    .description('delete a workspace; with unsaved work in it, it is kept for 7 days')
    .option('--force', 'destroy unsaved work, and let go of what an unreachable node keeps')
    .option('--no-wait', 'do not wait until it is gone')
    .option('--timeout <duration>', 'give up waiting after this (default: 2m)')
    .action(async (names: string[], options: DeleteOptions) => {
      const {deleteResources} = await import('../commands/delete.ts');
      await deleteResources(cli, ['workspace', ...names], options);
    });

  workspace
    .command('undelete')
    .argument('<name>')
    .description('give a deleted workspace back, with what its node has kept')
    .action(async (name: string) => {
      const {undelete} = await import('../commands/workspace.ts');
      await undelete(cli, name);
    });
}
