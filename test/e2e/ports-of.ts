import {readdir, readFile, readlink} from 'node:fs/promises';
import {parseListeningPorts} from '../../agent/system/linux-machine.ts';

/** The TCP ports on which a process of this machine listens now, whoever else listens on others. */
export async function portsOf(pid: number): Promise<readonly number[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const sockets = new Set(
    await Promise.all(descriptors.map(name => readlink(`/proc/${pid}/fd/${name}`).catch(() => ''))),
  );
  const tables = await Promise.all(['tcp', 'tcp6'].map(name => readFile(`/proc/${pid}/net/${name}`, 'utf8')));
  const own = tables.flatMap(table =>
    table.split('\n').filter(line => sockets.has(`socket:[${line.trim().split(/\s+/)[9]}]`)),
  );
  return parseListeningPorts(own.join('\n'), '0.0.0.0');
}
