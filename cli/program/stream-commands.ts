import type {Command} from 'commander';
import type {ExecCommandOptions} from '../commands/exec.ts';
import type {LogsOptions} from '../commands/logs.ts';
import type {SshOptions, SshSetupOptions} from '../commands/ssh.ts';
import type {SshConfigCommandOptions} from '../commands/ssh-config.ts';
import type {Registration} from './registration.ts';

const ways =
  "auto, node (the port of its node), gateway (the server's one port for all) or stdio (inside the API)";

export function addStreamCommands(program: Command, {cli, setExitCode}: Registration): void {
  addLogs(program, {cli, setExitCode});
  addExec(program, {cli, setExitCode});

  const ssh = program
    .command('ssh')
    .argument('<workspace>')
    .argument('[command...]', 'options and command for ssh, after --')
    .description('log in to a workspace, its host key pinned; your ~/.ssh is not touched')
    .option('--via <way>', ways)
    .option('--reconnect', 'connect again when the connection is lost (default: for a login on a terminal)')
    .option('--no-reconnect', 'end when the connection is lost')
    .option('--stdio', "be the connection, for ssh's ProxyCommand: no login")
    .action(async (word: string, rest: string[], options: SshOptions & {stdio?: boolean}) => {
      const commands = await import('../commands/ssh.ts');
      if (options.stdio === true) {
        await commands.sshStdio(cli, word);
      } else {
        setExitCode(await commands.ssh(cli, {word, rest}, options));
      }
    });
  ssh
    .command('setup')
    .description('make a key to enter workspaces with, unless there is one, and register it with the server')
    .option('--key <file>', 'use this private key; its public half lies beside it')
    .option('-y, --yes', 'ask nothing')
    .action(async (options: SshSetupOptions) => {
      const {sshSetup} = await import('../commands/ssh.ts');
      await sshSetup(cli, options);
    });
  ssh
    .command('command')
    .argument('<workspace>')
    .description('print the whole ssh command, to paste or to put into a script')
    .option('--via <way>', ways)
    .action(async (workspace: string, options: SshOptions) => {
      const {printSshCommand} = await import('../commands/ssh.ts');
      await printSshCommand(cli, workspace, options);
    });
  ssh
    .command('config')
    .argument('[workspaces...]', 'all by default')
    .description("print blocks for ssh's own configuration: ssh, scp, git and editors then reach NAME.nexus")
    .option('--via <way>', `${ways} (default: gateway, if the server has one, else stdio)`)
    .option('--write', 'put them into a file of their own, and one Include for it into ~/.ssh/config')
    .option('--dry-run', 'with --write: only show what would change')
    .action(async (workspaces: string[], options: SshConfigCommandOptions) => {
      const {writeSshConfig} = await import('../commands/ssh-config.ts');
      await writeSshConfig(cli, workspaces, options);
    });

  program
    .command('port-forward')
    .argument('<workspace>')
    .argument('<ports...>', 'LOCAL:REMOTE, or one number for both')
    .description("make a workspace's ports answer on this machine")
    .option('--address <address>', 'listen on this address of this machine', '127.0.0.1')
    .action(async (word: string, ports: string[], options: {address?: string}) => {
      const {portForward} = await import('../commands/port-forward.ts');
      await portForward(cli, {word, ports}, options);
    });
}

/** Also `nexus workspace logs`. */
export function addLogs(parent: Command, {cli}: Registration): void {
  parent
    .command('logs')
    .argument('<workspace>', 'WORKSPACE or WORKSPACE/SERVICE')
    .argument('[service]')
    .description("show the output of a workspace's services")
    .option('-f, --follow', 'go on as it is written')
    .option('--tail <lines>', 'only so many lines from the end')
    .option('--setup', 'of the setup commands instead')
    .action(async (word: string, service: string | undefined, options: LogsOptions) => {
      const {logs} = await import('../commands/logs.ts');
      await logs(cli, {word, service}, options);
    });
}

/** Also `nexus workspace exec`. */
export function addExec(parent: Command, {cli, setExitCode}: Registration): void {
  parent
    .command('exec')
    .argument('<workspace>')
    .argument('[command...]', 'after --')
    .description('run a command in a workspace; its exit code is that of nexus')
    .option('-i, --stdin', 'give it standard input')
    .option('-t, --tty', 'give it a terminal')
    .option('-u, --user <name>', 'as dev or root', 'dev')
    .option('-C, --directory <folder>', 'in this folder (default: the repository)')
    .action(async (word: string, command: string[], options: ExecCommandOptions) => {
      const {exec} = await import('../commands/exec.ts');
      setExitCode(await exec(cli, {word, command}, options));
    });
}
