import {createHash, randomBytes} from 'node:crypto';
import {constants, createReadStream, createWriteStream} from 'node:fs';
import {access, copyFile, mkdir, readdir, rename, rm, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {pipeline} from 'node:stream/promises';
import {createGzip, createZstdCompress} from 'node:zlib';
import type {
  AgentPackage,
  AgentPackages,
  AgentPlatform,
  PackageFile,
  Packing,
} from '../../controller/agent-install/agent-package.ts';
import {bundleAgent} from './bundle-agent.ts';
import type {NodeBinaryOptions} from './node-binary.ts';
import {findNodeBinary} from './node-binary.ts';
import type {SharedWork} from './shared-work.ts';
import {shareWork} from './shared-work.ts';

export type AgentPackagesOptions = Pick<NodeBinaryOptions, 'home' | 'env'> & {
  readonly version: string;
  /** What makes the program; of this checkout by default. */
  readonly bundle?: typeof bundleAgent;
};

/** Packages of the agent of this very Nexus, made when they are asked for and kept in `$NEXUS_HOME/cache/agent-packages`. */
export function createAgentPackages({
  home,
  env,
  version,
  bundle = bundleAgent,
}: AgentPackagesOptions): AgentPackages {
  const found = new Map<AgentPlatform, SharedWork<AgentPackage>>();

  const make = async (platform: AgentPlatform, signal: AbortSignal): Promise<AgentPackage> => {
    const node = await findNodeBinary(platform, {home, env, signal});
    const files: Listed[] = [
      ...(await bundle(version)).map(({content, ...file}) => ({
        ...file,
        size: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
        write: (target: string) => writeFile(target, content, {mode: 0o600}),
      })),
      {
        path: 'node',
        size: (await stat(node)).size,
        sha256: await hashFile(node),
        executable: true,
        write: (target: string) => copyFile(node, target, constants.COPYFILE_FICLONE),
      },
    ];
    const id = `${version}-${hashOf(files).slice(0, 12)}`;
    const folder = path.join(home, 'cache', 'agent-packages', platform);
    const place = path.join(folder, id);
    const manifest = describe(id, platform, files);
    const all = [...files, manifest];
    if (!(await exists(path.join(place, manifest.path)))) {
      await store(all, place);
    }

    await removeOthers(folder, id);
    return {id, platform, files: all.map(file => packageFile(file, place))};
  };

  return {
    async find(platform, signal) {
      signal.throwIfAborted();
      const present = found.get(platform);
      if (present !== undefined && !present.failed.aborted) {
        return await present.result(signal);
      }

      // What failed is tried again when it is asked for again.
      const making = shareWork(shared => make(platform, shared));
      found.set(platform, making);
      return await making.result(signal);
    },
  };
}

type Listed = Omit<PackageFile, 'open'> & {write(target: string): Promise<void>};

function hashOf(files: readonly Listed[]): string {
  const lines = files.map(
    ({path: place, sha256, executable}) => `${sha256} ${executable ? 'x' : '-'} ${place}\n`,
  );
  return createHash('sha256').update(lines.toSorted().join('')).digest('hex');
}

/** What an installed agent knows its own package by. */
function describe(id: string, platform: AgentPlatform, files: readonly Listed[]): Listed {
  const listed = files.map(({write: _, ...file}) => file);
  const content = Buffer.from(`${JSON.stringify({id, platform, files: listed}, undefined, 2)}\n`);
  return {
    path: 'manifest.json',
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    executable: false,
    write: target => writeFile(target, content, {mode: 0o600}),
  };
}

async function store(files: readonly Listed[], place: string): Promise<void> {
  const work = `${place}.${randomBytes(4).toString('hex')}`;
  try {
    for (const file of files) {
      const target = path.join(work, file.path);
      await mkdir(path.dirname(target), {recursive: true, mode: 0o700});
      await file.write(target);
    }

    await rm(place, {recursive: true, force: true});
    await rename(work, place);
  } catch (error) {
    await rm(work, {recursive: true, force: true});
    // Another process of this home may have been first.
    if (!(await exists(path.join(place, 'manifest.json')))) {
      throw error;
    }
  }
}

async function removeOthers(folder: string, id: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (entry !== id) {
      await rm(path.join(folder, entry), {recursive: true, force: true});
    }
  }
}

function packageFile({write: _, ...file}: Listed, place: string): PackageFile {
  const plain = path.join(place, file.path);
  return {
    ...file,
    async open(packing) {
      const packed = packing === 'none' ? plain : await packOnce(plain, packing);
      return {size: (await stat(packed)).size, content: createReadStream(packed)};
    },
  };
}

/** Packed once for all machines. */
async function packOnce(plain: string, packing: Exclude<Packing, 'none'>): Promise<string> {
  const packed = `${plain}.${packing}`;
  if (await exists(packed)) {
    return packed;
  }

  const work = `${packed}.${randomBytes(4).toString('hex')}`;
  const packer = packing === 'gzip' ? createGzip() : createZstdCompress();
  try {
    await pipeline(createReadStream(plain), packer, createWriteStream(work, {mode: 0o600}));
    await rename(work, packed);
  } catch (error) {
    await rm(work, {force: true});
    throw error;
  }

  return packed;
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
