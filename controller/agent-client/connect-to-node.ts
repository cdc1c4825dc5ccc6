import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import {agentCommand} from '../agent-install/agent-command.ts';
import {createChildProcessConnection} from './child-process-connection.ts';
import type {Connect} from './connect.ts';
import {readIdentityFile} from './identity-file.ts';
import {createSshConnection} from './ssh-connection.ts';
import type {SshPool} from './ssh-pool.ts';

export type ConnectToNodeOptions = {
  /** Starts the agent on this machine, such as [node, cli/main.ts, agent, --stdio]. */
  readonly localCommand: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** The server's private key, for nodes that name no other. */
  readonly identityFile: string;
  readonly ssh: SshPool;
  readonly clock: Clock;
  readonly log: Logger;
};

/** The real {@link Connect}: a child process for the local node, ssh for all others. */
export function createConnectToNode(options: ConnectToNodeOptions): Connect {
  const {localCommand, identityFile, clock} = options;
  return async ({metadata, spec}, signal) => {
    const log = options.log.child({node: metadata.name});
    if (spec.local) {
      const [program, ...args] = spec.agentCommand ?? [];
      const command = program === undefined ? localCommand : ([program, ...args] as const);
      const env = options.env === undefined ? {} : {env: options.env};
      return await createChildProcessConnection({command, clock, log, ...env}, signal);
    }
    return await createSshConnection(
      {
        pool: options.ssh,
        node: metadata.name,
        host: spec.address,
        port: spec.port,
        user: spec.user,
        hostKey: spec.hostKey,
        privateKey: await readIdentityFile(spec.identityFile ?? identityFile),
        command: spec.agentCommand ?? agentCommand,
        log,
      },
      signal,
    );
  };
}
