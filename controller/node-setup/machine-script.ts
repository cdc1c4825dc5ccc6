import {readFileSync} from 'node:fs';

export type MachineScript = 'probe' | 'authorize-key' | 'revoke-key' | 'remove-home';

/** The words that run a script of ours on a machine; POSIX sh, kept as files, so that it can be checked. What is in the arguments is never read as a command. */
export function machineScript(name: MachineScript, ...args: readonly string[]): readonly string[] {
  const text = readFileSync(new URL(`scripts/${name}.sh`, import.meta.url), 'utf8');
  return ['sh', '-c', text, `nexus-${name}`, ...args];
}
