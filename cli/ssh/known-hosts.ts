import {mkdir, rename, writeFile} from 'node:fs/promises';
import path from 'node:path';

/** Pins a host key in a file of its own, named for what has it: a workspace's uid, or `gateway`. Answers with its path. */
export async function writeKnownHosts(
  home: string,
  name: string,
  {alias, hostKey}: {readonly alias: string; readonly hostKey: string},
): Promise<string> {
  const folder = path.join(home, 'known_hosts.d');
  await mkdir(folder, {recursive: true, mode: 0o700});
  const file = path.join(folder, name);
  const part = `${file}.${process.pid}.part`;
  await writeFile(part, `${alias} ${hostKey}\n`, {mode: 0o600});
  await rename(part, file);
  return file;
}
