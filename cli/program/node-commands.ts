import type {Command} from 'commander';
import type {GetOptions} from '../commands/get.ts';
import type {NodeAddOptions} from '../commands/node.ts';
import {withOutput} from './options.ts';
import type {Registration} from './registration.ts';

export function addNodeCommands(program: Command, {cli, setExitCode}: Registration): void {
  const node = program.command('node').description('add and manage the machines that workspaces run on');

  node
    .command('add')
    .argument('<name>')
    .argument('<address>', 'host name or IP address, reached by ssh from the server')
    .description('add a machine; its host key is shown, and pinned once you agree')
    .option('--user <name>', 'login name', 'root')
    .option('--port <port>', 'of its sshd', '22')
    .option('--identity <file>', "private key on the server's disk (default: the server's own)")
    .option('--host-key <key>', 'pin this public host key instead of the one it shows')
    .option('--label <key=value...>', 'for node selectors')
    .option('-y, --yes', 'agree to the host key that it shows')
    .action(async (name: string, address: string, options: NodeAddOptions) => {
      const {addNode} = await import('../commands/node.ts');
      await addNode(cli, {name, address}, options);
    });

  withOutput(node.command('list'))
    .alias('ls')
    .description('list nodes')
    .option('-w, --watch', 'go on showing what changes')
    .action(async (options: GetOptions) => {
      const {get} = await import('../commands/get.ts');
      await get(cli, ['nodes'], options);
    });

  node
    .command('status')
    .argument('<name>')
    .description('show how a node is')
    .action(async (name: string) => {
      const {describe} = await import('../commands/describe.ts');
      await describe(cli, ['node', name]);
    });

  node
    .command('test')
    .argument('<name>')
    .description('check that a node is reached, with the host key that is pinned, and that its agent answers')
    .action(async (name: string) => {
      const {testNode} = await import('../commands/node.ts');
      setExitCode(await testNode(cli, name));
    });

  node
    .command('remove')
    .argument('<name>')
    .description('forget a node; refused while workspaces are on it')
    .action(async (name: string) => {
      const {removeNode} = await import('../commands/node.ts');
      await removeNode(cli, name);
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
        const {setUnschedulable} = await import('../commands/node.ts');
        await setUnschedulable(cli, word, name === 'cordon');
      });
  }
}
