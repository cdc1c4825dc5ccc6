import type {Command} from 'commander';
import type {GetOptions} from '../commands/get.ts';
import type {DrainOptions} from '../commands/node-drain.ts';
import type {NodeRemoveOptions} from '../commands/node-remove.ts';
import type {NodeAddOptions} from '../node/setup-request.ts';
import {withOutput} from './options.ts';
import type {Registration} from './registration.ts';

export function addNodeCommands(program: Command, {cli, setExitCode}: Registration): void {
  const node = program.command('node').description('add and manage the machines that workspaces run on');

  node
    .command('add')
    .argument('<name>')
    .argument('<address>', "host name or IP address, reached by ssh from the server's machine")
    .description(
      'make a node of a machine: checks it, lets the server in, installs the agent; again, it repairs',
    )
    .option('--user <name>', 'login name (default: as before, else root)')
    .option('--port <port>', 'of its sshd (default: as before, else 22)')
    .option('--identity <file>', "private key on the server's disk (default: the server's own)")
    .option(
      '--bootstrap-password',
      'ask for the password, or read it from standard input, to let the server in',
    )
    .option('--host-key <key>', 'the public host key that the machine must show')
    .option('--replace-host-key', 'agree to another host key than the pinned one')
    .option('--label <key=value...>', 'for node selectors')
    .option('-y, --yes', 'agree to the host key that it shows')
    .option('-o, --output <format>', 'json, yaml or name')
    .action(async (name: string, address: string, options: NodeAddOptions) => {
      const {addNode} = await import('../commands/node-add.ts');
      await addNode(cli, {name, address}, options);
    });

  withOutput(node.command('list'))
    .alias('ls')
    .description('list nodes; with -o wide how much of each is taken')
    .option('-w, --watch', 'go on showing what changes')
    .action(async (options: GetOptions) => {
      const {listNodes} = await import('../commands/node-list.ts');
      await listNodes(cli, options);
    });

  node
    .command('status')
    .argument('<name>')
    .description('show how a node is, what runs on it and what has happened')
    .option('-o, --output <format>', 'json, yaml, name or jsonpath=PATH')
    .action(async (name: string, options: {output?: string}) => {
      const {nodeStatus} = await import('../commands/node-status.ts');
      await nodeStatus(cli, name, options);
    });

  node
    .command('test')
    .argument('<name>')
    .description('check a node step by step, and say what helps where something is wrong; changes nothing')
    .option('-o, --output <format>', 'json, yaml or name')
    .action(async (name: string, options: {output?: string}) => {
      const {testNode} = await import('../commands/node-test.ts');
      setExitCode(await testNode(cli, name, options));
    });

  node
    .command('remove')
    .argument('<name>')
    .description('forget a node; refused while workspaces are on it')
    .option('--purge', "also take the agent, what it has set up and the server's key away from the machine")
    .option('--force', 'also with workspaces on it, or with what it keeps of deleted ones')
    .action(async (name: string, options: NodeRemoveOptions) => {
      const {removeNode} = await import('../commands/node-remove.ts');
      await removeNode(cli, name, options);
    });

  node
    .command('drain')
    .argument('<name>')
    .description('move the workspaces of a node to others, and place no new ones on it; undo with uncordon')
    .option('--to <node>', 'move all of them there (default: each where it fits best)')
    .option('--timeout <duration>', 'how long it may take; moves under way then go on', '1h')
    .option('--dry-run', 'only say where each would go, or why it would stay')
    .option('--ignore-unmovable', 'succeed although some have to stay')
    .option('--no-wait', 'do not wait for the end')
    .action(async (name: string, options: DrainOptions) => {
      const {drainNode} = await import('../commands/node-drain.ts');
      await drainNode(cli, name, options);
    });

  node
    .command('upgrade')
    .argument('<name>')
    .description("bring a node's agent to the server's version now, even if that failed before")
    .action(async (name: string) => {
      const {upgradeNode} = await import('../commands/node-upgrade.ts');
      await upgradeNode(cli, name);
    });

  for (const [name, description] of [
    ['cordon', 'place no new workspaces on a node'],
    ['uncordon', 'place workspaces on a node again'],
  ] as const) {
    node
      .command(name)
      .argument('<name>')
      .description(description)
      .action(async (word: string) => {
        const {setUnschedulable} = await import('../commands/node-cordon.ts');
        await setUnschedulable(cli, word, name === 'cordon');
      });
  }
}
