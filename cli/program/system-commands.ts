import type {Command} from 'commander';
import type {KubeconfigOptions} from '../commands/kubeconfig.ts';
import type {ServerCommandOptions} from '../commands/server.ts';
import {exitCodes} from '../exit-code.ts';
import {addAgentCommands} from './agent-commands.ts';
import type {Registration} from './registration.ts';
import {addStoreCommands} from './store-commands.ts';
import {addVersionCommand} from './version-command.ts';

export function addSystemCommands(program: Command, {cli, setExitCode}: Registration): void {
  program
    .command('server')
    .description('run the API server and the controller on this machine')
    .option('--home <folder>', 'all state is in here (default: $NEXUS_HOME, else ~/.nexus)')
    .option('--store <kind>', 'where everything is kept: sqlite (in the home) or kubernetes', 'sqlite')
    .option(
      '--kubeconfig <file>',
      'of the API server (default: $KUBECONFIG, ~/.kube/config, or that of the pod)',
    )
    .option('--context <name>', 'of the kubeconfig (default: its current one)')
    .option('--namespace <name>', "whose resources are the store (default: the context's, else default)")
    .option(
      '--keys <folder>',
      'with what all servers of a store on Kubernetes have in common (default: a Secret in the namespace)',
    )
    .option(
      '--lease-duration <seconds>',
      'on Kubernetes, how long a leader that is silent still counts as one (default: 15)',
    )
    .option('--bundles <folder>', 'where uploaded commits are kept (default: in the home)')
    .option('--no-local-node', 'do not make this machine a node')
    .option('--host <address>', 'listen on this address; any but loopback needs TLS', '127.0.0.1')
    .option('--port <port>', 'listen on this port; 0 for any that is free', '3001')
    .option(
      '--gateway-port <port>',
      'of the ssh gateway; 0 for any that is free (default: the one it had last, else 2200, else any)',
    )
    .option('--gateway-host <address>', 'the ssh gateway listens on this address', '127.0.0.1')
    .option(
      '--gateway-address <name>',
      'the name by which users reach the ssh gateway (default: that of the server)',
    )
    .option(
      '--no-gateway',
      'without the ssh gateway: workspaces are reached through ports of their nodes only',
    )
    .option('--tls-cert <file>', 'certificate chain, PEM')
    .option('--tls-key <file>', 'its private key, PEM')
    .option(
      '--allow-host <name...>',
      'names that requests may be addressed to, besides those of this machine',
    )
    .option('--cors-origin <origin...>', 'origins whose pages may call')
    .option('--open-registration', 'let anybody register a user')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options: ServerCommandOptions) => {
      const {server} = await import('../commands/server.ts');
      await server(cli, options);
      // To be interrupted is how it ends.
      setExitCode(exitCodes.ok.code);
    });

  addAgentCommands(program, {cli, setExitCode});

  addStoreCommands(program, {cli, setExitCode});

  program
    .command('kubeconfig')
    .description('print a kubeconfig: with it kubectl works on this server as on a cluster')
    .option('--name <name>', 'of the cluster, the user and the context in it', 'nexus')
    .option('--output <file>', 'write it to a new file of mode 0600 instead')
    .addHelpText(
      'after',
      `
It holds your token. KUBECONFIG takes several files:
  nexus kubeconfig --output ~/.kube/nexus
  export KUBECONFIG=~/.kube/config:~/.kube/nexus
  kubectl --context nexus get workspaces -w`,
    )
    .action(async (options: KubeconfigOptions) => {
      const {kubeconfig} = await import('../commands/kubeconfig.ts');
      await kubeconfig(cli, options);
    });

  program
    .command('doctor')
    .description('check this installation, and say how to mend what is wrong')
    .action(async () => {
      const {doctor} = await import('../commands/doctor.ts');
      setExitCode(await doctor(cli));
    });

  program
    .command('dashboard')
    .description('watch and manage everything in the terminal')
    .action(async () => {
      const {dashboard} = await import('../commands/dashboard.ts');
      await dashboard(cli);
    });

  program
    .command('completion')
    .argument('<shell>', 'bash, zsh or fish')
    .description('print the completion script of a shell')
    .action(async (shell: string) => {
      const {completionScript} = await import('../commands/completion.ts');
      cli.print(completionScript(shell));
    });

  program
    .command('complete', {hidden: true})
    .argument('[words...]')
    .passThroughOptions()
    .action(async (words: string[]) => {
      const {complete} = await import('../commands/completion.ts');
      await complete(cli, program, words);
    });

  addVersionCommand(program, {cli, setExitCode});

  const help = program
    .command('help')
    .argument('[command...]')
    .description('explain a command, or exit-codes');
  help.action((words: string[]) => {
    if (words[0] === 'exit-codes') {
      for (const {code, meaning} of Object.values(exitCodes)) {
        cli.print(`${String(code).padStart(4)}  ${meaning}`);
      }

      cli.print('\nexec, ssh and workspace exec end with the exit code of what they ran.');
      return;
    }

    let command = program;
    for (const word of words) {
      command = command.commands.find(candidate => candidate.name() === word) ?? command;
    }

    cli.stdout.write(command.helpInformation());
  });
}
