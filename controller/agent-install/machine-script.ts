import {readFileSync} from 'node:fs';

/** POSIX sh that runs on a node as its login user, with nothing there but what a minimal Debian has; kept as files, so that it can be checked. */
export type MachineScript = {
  /** The words that run it with these arguments, whatever is in them. */
  command(...args: readonly string[]): readonly string[];
};

export type MachineScriptName =
  | 'run'
  | 'inspect'
  | 'begin'
  | 'receive'
  | 'publish'
  | 'switch'
  | 'forget'
  | 'remove';

export function readMachineScript(name: MachineScriptName): MachineScript {
  const text = readFileSync(new URL(`scripts/${name}.sh`, import.meta.url), 'utf8');
  // Comments are for readers of the file.
  const script = text.replaceAll(/^#.*\n/gm, '');
  return {command: (...args) => ['sh', '-c', script, 'nexus', ...args]};
}
