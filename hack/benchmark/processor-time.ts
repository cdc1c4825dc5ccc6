import {readFile} from 'node:fs/promises';

/** Linux counts in hundredths of a second, whatever the kernel's own tick. */
const tick = 10;

/** Milliseconds that a process has used of processors so far. */
export async function processorTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name may hold spaces; user and system time are the 12th and 13th of what follows it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tick;
}
