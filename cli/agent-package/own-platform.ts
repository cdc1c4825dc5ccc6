import {z} from 'zod';
import type {AgentPlatform} from '../../controller/agent-install/agent-package.ts';

const report = z.object({header: z.object({glibcVersionRuntime: z.string().optional()})});

/** What this process runs on; undefined where no agent can. */
export function ownPlatform(): AgentPlatform | undefined {
  const {platform, arch} = process;
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) {
    return undefined;
  }

  const {header} = report.parse(process.report.getReport());
  return header.glibcVersionRuntime === undefined ? `linux-${arch}-musl` : `linux-${arch}`;
}
