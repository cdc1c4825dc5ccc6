import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Logger} from '../../api/effects/logger.ts';

/**
 * What the kernel counts for all containers of the machine together, since one user made them: with the defaults (128 instances) the services of a
 * few dozen workspaces use it up, or one workspace does so on purpose. Memory, which is limited by workspace, pays for each. The values are
 * those that LXD and Incus advise for servers.
 */
const limits: Readonly<Record<string, number>> = {
  'fs/inotify/max_user_instances': 1_048_576,
  'fs/inotify/max_user_watches': 1_048_576,
};

export type KernelLimitsOptions = {
  readonly log: Logger;
  /** Where the kernel shows its settings; /proc/sys by default. */
  readonly folder?: string;
};

/** Raises what is lower, until the machine is started anew. Never rejects: without the right to do so, that is logged. */
export async function raiseKernelLimits({log, folder = '/proc/sys'}: KernelLimitsOptions): Promise<void> {
  for (const [name, wanted] of Object.entries(limits)) {
    const path = join(folder, name);
    try {
      const found = Number(await readFile(path, 'utf8'));
      if (found < wanted) {
        await writeFile(path, `${wanted}\n`);
        log.info({path, found, wanted}, 'raised a limit of the kernel');
      }
    } catch (error) {
      log.warn(
        {path, wanted, error},
        'could not raise a limit of the kernel: one workspace can use it up for all',
      );
    }
  }
}
