import type {AgentPlatform, Packing} from './agent-package.ts';
import {AgentPackageError} from './agent-package.ts';
import type {Machine} from './machine.ts';
import {readMachineScript} from './machine-script.ts';

/** What a machine is, and what was installed on it. */
export type Inspection = {
  readonly platform: AgentPlatform;
  /** Where versions of the agent are. */
  readonly folder: string;
  /** The id of the package that is run there. */
  readonly current: string | undefined;
  /** The one before, which it can go back to. */
  readonly previous: string | undefined;
  /** The best that it can unpack. */
  readonly packing: Packing;
};

const script = readMachineScript('inspect');

/** Looks, and changes nothing. Throws what {@link Machine} does, and AgentPackageError for a machine that no agent runs on. */
export async function inspectMachine(machine: Machine, signal: AbortSignal): Promise<Inspection> {
  const lines = (await machine.run(script.command(), {signal})).split('\n');
  const value = (name: string) =>
    lines.find(line => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  const tools = lines.filter(line => line.startsWith('tool=')).map(line => line.slice('tool='.length));
  return {
    platform: platformOf(value('kernel'), value('machine'), value('libc')),
    folder: value('folder'),
    current: value('current') || undefined,
    previous: value('previous') || undefined,
    packing: tools.includes('zstd') ? 'zstd' : tools.includes('gzip') ? 'gzip' : 'none',
  };
}

function platformOf(kernel: string, machine: string, libc: string): AgentPlatform {
  const processor = {x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64'}[machine];
  if (kernel !== 'Linux' || processor === undefined) {
    throw new AgentPackageError(
      `the agent runs on Linux on x86-64 and ARM64; this machine is ${kernel || 'unknown'} on ${machine || 'an unknown processor'}`,
    );
  }
  const platform = processor === 'x64' ? 'linux-x64' : 'linux-arm64';
  return libc === 'musl' ? `${platform}-musl` : platform;
}
