import {readFile} from 'node:fs/promises';

/**
 * When the process began, in the kernel's own count: together with the id it names one process, since ids are given out again. Undefined where
 * the kernel does not tell, and for a process that is not there.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may hold anything; the start is field 22.
    return stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .at(19);
  } catch {
    return undefined;
  }
}

/** Whether the process that `started` was told of still runs; without `started`, whether any has its id. */
export async function isRunning({
  pid,
  started,
}: {
  readonly pid: number;
  readonly started?: string | undefined;
}): Promise<boolean> {
  if (started !== undefined) {
    return (await processStart(pid)) === started;
  }

  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
