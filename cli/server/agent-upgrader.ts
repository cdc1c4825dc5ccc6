import type {AgentInstaller} from '../../controller/agent-client/agent-installer.ts';
import {readIdentityFile} from '../../controller/agent-client/identity-file.ts';
import type {SshPool} from '../../controller/agent-client/ssh-pool.ts';
import type {SshSession} from '../../controller/agent-client/ssh-session.ts';
import type {AgentPackages, AgentPlatform} from '../../controller/agent-install/agent-package.ts';
import {agentPlatforms} from '../../controller/agent-install/agent-package.ts';
import type {AgentUpgrader} from '../../controller/rollout/agent-upgrader.ts';
import {ownPackage} from '../agent-package/own-package.ts';
import {ownPlatform} from '../agent-package/own-platform.ts';
import {runProgram} from '../spawned.ts';

export type AgentUpgraderOptions = {
  readonly packages: AgentPackages;
  readonly installer: AgentInstaller;
  readonly ssh: SshPool;
  /** The server's private key, for nodes that name no other. */
  readonly identityFile: string;
  /** Runs nexus on this machine, for this home; arguments follow. */
  readonly localCommand: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
};

/**
 * The real {@link AgentUpgrader}. On other machines it installs the package of this server; on this one the program is there already, and it is enough
 * to end the agent that was started from an earlier one.
 */
export function createAgentUpgrader(options: AgentUpgraderOptions): AgentUpgrader {
  const {packages, installer, ssh, localCommand, env, version} = options;
  const atStart = ownPackage(version);
  atStart.catch(() => undefined);

  const onMachine = async <T>(
    node: Parameters<AgentUpgrader['upgrade']>[0],
    signal: AbortSignal,
    work: (session: SshSession) => Promise<T>,
  ): Promise<T> => {
    const {address: host, port, user, hostKey, identityFile = options.identityFile} = node.spec;
    const login = {privateKey: await readIdentityFile(identityFile)};
    await using session = await ssh.lease(node.metadata.name, {host, port, user, hostKey, login}, signal);
    return await work(session);
  };
  const ofThisMachine = async () => (await atStart)?.id ?? version;

  return {
    async wanted({spec}, facts, signal) {
      if (spec.agentCommand !== undefined) {
        return undefined;
      }

      if (spec.local) {
        const wanted = await ofThisMachine();
        const startedFrom = facts.package?.id;
        if (startedFrom !== wanted && (await ownPackage(version))?.id !== wanted) {
          throw new Error(
            'the program on this machine has changed since the server was started; restart the server',
          );
        }

        return wanted;
      }

      const platform = known(facts.package?.platform) ?? ownPlatform() ?? 'linux-x64';
      return (await packages.find(platform, signal)).id;
    },

    async upgrade(node, signal) {
      if (node.spec.local) {
        const [program, ...args] = localCommand;
        const {code, stderr} = await runProgram(program, [...args, 'agent', 'stop'], {env, signal});
        if (code !== 0) {
          throw new Error(`the agent could not be ended: ${stderr.trim()}`);
        }

        return await ofThisMachine();
      }

      return await onMachine(node, signal, async session => {
        const {version: installed} = await installer.install(session, {progress: () => undefined, signal});
        return installed;
      });
    },

    // On this machine there is no other version to go back to.
    rollBack: async (node, signal) =>
      node.spec.local
        ? undefined
        : await onMachine(node, signal, session => installer.rollBack(session, signal)),
  };
}

function known(platform: string | undefined): AgentPlatform | undefined {
  return agentPlatforms.find(name => name === platform);
}
