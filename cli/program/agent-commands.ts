import type {Command} from 'commander';
import type {ReceiveImageOptions, SetupAgentOptions} from '../commands/agent.ts';
import type {Registration} from './registration.ts';

/** All that the package of an agent can do. */
export function addAgentCommands(program: Command, {cli, setExitCode}: Registration): void {
  const agent = program
    .command('agent')
    .description('what a node runs; `nexus server` starts it by itself')
    .option('--stdio', "carry the protocol between standard input and output and this machine's agent")
    .option('--daemon', 'be the agent of this machine')
    .action(async (options: {stdio?: boolean; daemon?: boolean}) => {
      const {agent: run} = await import('../commands/agent.ts');
      setExitCode(await run(cli, options));
    });
  agent
    .command('setup')
    .description('make what the backends of this machine need for workspaces: network, storage and image')
    .option('--image <file>', 'the image nexus/base, as hack/build-image makes it')
    .option('--image-digest <sha256>', 'tell whether nexus/base is made of this file')
    .option('--machine-image-digest <sha256>', 'the same of the one that QEMU boots')
    .option('--provider <name...>', 'only this one: lxc, docker or qemu; by default all that are found')
    .option('--installation <id>', 'of the server that this node is for ($NEXUS_HOME/installation there)')
    .option('--json', 'tell the outcome for programs')
    .action(async (options: SetupAgentOptions) => {
      const {setupAgent} = await import('../commands/agent.ts');
      await setupAgent(cli, options);
    });
  agent
    .command('receive-image', {hidden: true})
    .argument('<sha256>')
    .requiredOption('--size <bytes>')
    .option('--offset <bytes>', 'goes on from here', '0')
    .requiredOption('--form <form>')
    .requiredOption('--provider <name...>')
    .action(async (digest: string, options: ReceiveImageOptions) => {
      const {receiveImage} = await import('../commands/agent.ts');
      await receiveImage(cli, digest, options);
    });
  agent
    .command('purge')
    .description('remove everything that this installation has on the backends of this machine')
    .action(async () => {
      const {purgeAgent} = await import('../commands/agent.ts');
      await purgeAgent(cli);
    });
  agent
    .command('stop')
    .description('end the agent of this machine; workspaces run on')
    .action(async () => {
      const {stopAgent} = await import('../commands/agent.ts');
      await stopAgent(cli);
    });
  agent
    .command('status')
    .description('show whether the agent of this machine runs')
    .action(async () => {
      const {agentStatus} = await import('../commands/agent.ts');
      setExitCode(await agentStatus(cli));
    });
}
