import {readMachineScript} from './machine-script.ts';

/** How an agent is started on a node that declares no other way: the one that Nexus installed, else whatever `nexus` is on PATH. */
export const agentCommand: readonly string[] = installedAgent('agent', '--stdio');

/** A command of the agent that Nexus installed on a node, such as `agent stop`; of the `nexus` on PATH where it installed none. */
export function installedAgent(...words: readonly string[]): readonly string[] {
  return readMachineScript('run').command(...words);
}
