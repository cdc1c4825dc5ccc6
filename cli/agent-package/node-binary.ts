import {createHash} from 'node:crypto';
import {access, mkdir, mkdtemp, readdir, readFile, rename, rm} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {z} from 'zod';
import type {AgentPlatform} from '../../controller/agent-install/agent-package.ts';
import {AgentPackageError} from '../../controller/agent-install/agent-package.ts';
import {runProgram} from '../spawned.ts';
import {ownPlatform} from './own-platform.ts';

export type NodeBinaryOptions = {
  /** `$NEXUS_HOME`. */
  readonly home: string;
  /** With the PATH on which npm is found. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
};

/**
 * The Node.js that an agent is to run on: one that was provided as `$NEXUS_HOME/node/<platform>/node`, else this process's own where the platform is the
 * same, else that of the npm package which package-lock.json names, fetched once. Throws AgentPackageError, which says how to provide it.
 */
export async function findNodeBinary(platform: AgentPlatform, options: NodeBinaryOptions): Promise<string> {
  const provided = path.join(options.home, 'node', platform, 'node');
  if (await exists(provided)) {
    return provided;
  }

  if (platform === ownPlatform()) {
    return process.execPath;
  }

  const cure = `put the program of Node.js 24 for ${platform} at ${provided} on the server's machine`;
  const locked = await lockedPackage(`node-${platform}`);
  if (locked === undefined) {
    throw new AgentPackageError(`Nexus brings no Node.js for ${platform}: ${cure}`);
  }

  try {
    return await fetchOnce(locked, options);
  } catch (error) {
    options.signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new AgentPackageError(
      `Node.js for ${platform} could not be had from npm as ${locked.name}@${locked.version} (${reason}): ${cure}`,
      {cause: error},
    );
  }
}

type LockedPackage = {readonly name: string; readonly version: string; readonly integrity: string};

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({version: z.string().optional(), integrity: z.string().optional()}),
  ),
});

/** The release that this Nexus was tested with, and what its bytes hash to. */
async function lockedPackage(name: string): Promise<LockedPackage | undefined> {
  const file = fileURLToPath(new URL('../../package-lock.json', import.meta.url));
  const {packages} = lockFile.parse(JSON.parse(await readFile(file, 'utf8')));
  const {version, integrity} = packages[`node_modules/${name}`] ?? {};
  return version === undefined || integrity === undefined ? undefined : {name, version, integrity};
}

async function fetchOnce(
  {name, version, integrity}: LockedPackage,
  {home, env, signal}: NodeBinaryOptions,
): Promise<string> {
  const folder = path.join(home, 'cache', 'node');
  const binary = path.join(folder, `${name}-${version}`);
  if (await exists(binary)) {
    return binary;
  }

  await mkdir(folder, {recursive: true, mode: 0o700});
  const work = await mkdtemp(path.join(folder, 'fetch-'));
  const run = async (program: string, args: readonly string[]) => {
    const {code, stderr} = await runProgram(program, args, {cwd: work, env, signal, timeout: fetchTimeout});
    if (code !== 0) {
      throw new Error(stderr.trim().split('\n').at(-1) || `${program} ended with ${code}`);
    }
  };
  try {
    await run('npm', ['pack', `${name}@${version}`, '--ignore-scripts', '--loglevel=error']);
    const tarball = (await readdir(work)).find(entry => entry.endsWith('.tgz'));
    if (tarball === undefined) {
      throw new Error('npm fetched nothing');
    }

    const [algorithm = '', expected] = integrity.split(/-(.*)/s);
    const bytes = await readFile(path.join(work, tarball));
    if (createHash(algorithm).update(bytes).digest('base64') !== expected) {
      throw new Error('what npm fetched has another hash than package-lock.json says');
    }

    await run('tar', ['-xzf', tarball, 'package/bin/node']);
    await rename(path.join(work, 'package', 'bin', 'node'), binary);
    return binary;
  } finally {
    await rm(work, {recursive: true, force: true});
  }
}

/** Milliseconds; it is some 50 MB. */
const fetchTimeout = 300_000;

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
