import type {Readable} from 'node:stream';
import type {FileOptions} from '../driver.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {readSmallFile} from '../small-file.ts';
import type {Client} from './client.ts';
import type {Backend} from './server.ts';

export type FileTarget = {
  readonly client: Client;
  readonly backend: Backend;
  readonly project: string;
  /** On the backend. */
  readonly instance: string;
};

export type FileContent = FileOptions & {readonly content: Uint8Array | Readable};

/** Creates or replaces a file; its folder must exist. The instance may be stopped. */
export async function writeFile(target: FileTarget, path: string, file: FileContent): Promise<void> {
  try {
    await target.client.call('DELETE', filesPath(target), {
      query: {project: target.project, path: absolute(path)},
    });
  } catch (error) {
    if (!isDriverError(error, 'NotFound')) throw error;
  }

  await overwriteFile(target, path, file);
}

/** As {@link writeFile}, but mode and owner of a file that is there stay as they are, and there is no moment without it. */
export async function overwriteFile(target: FileTarget, path: string, file: FileContent): Promise<void> {
  const prefix = headerPrefix(target.backend);
  await target.client.call('POST', filesPath(target), {
    query: {project: target.project, path: absolute(path)},
    headers: {
      [`${prefix}-type`]: 'file',
      [`${prefix}-write`]: 'overwrite',
      [`${prefix}-mode`]: file.mode.toString(8).padStart(4, '0'),
      [`${prefix}-uid`]: String(file.uid),
      [`${prefix}-gid`]: String(file.gid),
    },
    content: file.content,
    unlimited: true,
  });
}

export async function readFile(target: FileTarget, path: string): Promise<Uint8Array> {
  const {headers, body} = await target.client.download(filesPath(target), {
    query: {project: target.project, path: absolute(path)},
  });
  const type = headers[`${headerPrefix(target.backend)}-type`];
  if (type !== 'file') {
    await body.dump();
    throw new DriverError('Internal', `${path} in ${target.instance} is a ${String(type)}, not a file`);
  }

  try {
    return await readSmallFile(body, path);
  } catch (error) {
    if (isDriverError(error)) throw error;
    throw new DriverError('BackendUnavailable', `reading ${path} in ${target.instance} was cut off`, {
      cause: error,
    });
  }
}

function filesPath({instance}: FileTarget): string {
  return `/1.0/instances/${encodeURIComponent(instance)}/files`;
}

function headerPrefix(backend: Backend): string {
  return `x-${backend}`;
}

function absolute(path: string): string {
  if (!path.startsWith('/')) throw new DriverError('Internal', `"${path}" is not an absolute path`);
  return path;
}
