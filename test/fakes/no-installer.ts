import type {AgentInstaller} from '../../controller/agent-client/agent-installer.ts';

/** Where no machine is to be set up. */
export const noInstaller: AgentInstaller = {
  install: () => Promise.reject(new Error('no agent is to be installed here')),
  rollBack: async () => undefined,
  uninstall: () => Promise.reject(new Error('no agent is to be removed here')),
};
