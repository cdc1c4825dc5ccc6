import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {AgentConfig} from './agent-home.ts';

const usualPlaces = [
  '/run/incus/unix.socket',
  '/var/lib/incus/unix.socket',
  '/var/snap/lxd/common/lxd/unix.socket',
  '/var/lib/lxd/unix.socket',
];

/** The socket of LXD or Incus: the configured one, else the first that is there, else where Incus would have it. */
export async function findBackendSocket(
  {socket}: AgentConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (socket !== undefined) {
    return socket;
  }
  const given = [env.INCUS_DIR, env.LXD_DIR].flatMap(folder => (folder ? [join(folder, 'unix.socket')] : []));
  for (const place of [...given, ...usualPlaces]) {
    const found = await stat(place).catch(() => undefined);
    if (found?.isSocket()) {
      return place;
    }
  }
  return '/var/lib/incus/unix.socket';
}
