import {posix} from 'node:path';
import type {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import type {FileOptions} from '../driver.ts';
import {DriverError} from '../driver.ts';
import {getFile, putFiles} from './archive.ts';
import type {Client} from './client.ts';
import {keysFile} from './container-request.ts';
import {labels} from './labels.ts';
import type {Container} from './observe.ts';

export type FileContent = FileOptions & {readonly content: Uint8Array | Readable};

export async function writeFile(
  client: Client,
  {id}: Container,
  {path, content, ...options}: FileContent & {readonly path: string},
): Promise<void> {
  if (!path.startsWith('/')) throw new DriverError('Internal', `"${path}" is not an absolute path`);

  const {dir, base} = posix.parse(path);
  await putFiles(client, id, {
    folder: dir,
    entries: [
      {name: base, content: content instanceof Uint8Array ? content : await buffer(content), ...options},
    ],
  });
}

export async function readFile(client: Client, {id}: Container, path: string): Promise<Uint8Array> {
  if (!path.startsWith('/')) throw new DriverError('Internal', `"${path}" is not an absolute path`);

  return await getFile(client, id, path);
}

const root = {uid: 0, gid: 0};

/** What a workspace must have before it runs for the first time; its labels hold it, and so no layer of an image. */
export async function putFirstFiles(client: Client, {id, labels: all, marks}: Container): Promise<void> {
  const encoder = new TextEncoder();
  const keys = marks?.authorizedKeys ?? all[labels.authorizedKeys] ?? '';
  await putFiles(client, id, {
    folder: '/etc',
    entries: [
      {name: 'nexus', mode: 0o755, ...root},
      {name: 'nexus/private', mode: 0o700, ...root},
      {
        name: 'nexus/private/ssh_host_ed25519_key',
        content: encoder.encode(all[labels.hostKey] ?? ''),
        mode: 0o600,
        ...root,
      },
      {name: 'nexus/authorized_keys', content: encoder.encode(keys), mode: 0o644, ...root},
    ],
  });
}

export async function putKeys(client: Client, {id}: Container, keys: readonly string[]): Promise<void> {
  const content = new TextEncoder().encode(keysFile(keys));
  await putFiles(client, id, {
    folder: '/etc/nexus',
    entries: [{name: 'authorized_keys', content, mode: 0o644, ...root}],
  });
}
