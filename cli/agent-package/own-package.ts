import {createHash} from 'node:crypto';
import {glob, readFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {z} from 'zod';
import type {NodeFacts} from '../../api/agent/v1alpha1/messages.ts';
import {ownPlatform} from './own-platform.ts';

/** Of the checkout, or of the package. */
const root = fileURLToPath(new URL('../..', import.meta.url));

const manifest = z.object({id: z.string(), platform: z.string()});

/** In a checkout: all that an agent is made of. */
const sources = [
  'agent/**/*',
  'api/agent/**/*',
  'api/effects/**/*',
  'api/v1alpha1/**/*',
  'package-lock.json',
];

/** What the agent that this program starts is made of: its package, or the sources of the checkout. */
export async function ownPackage(version: string): Promise<NodeFacts['package']> {
  const text = await readFile(path.join(root, 'manifest.json'), 'utf8').catch(() => undefined);
  if (text !== undefined) {
    const {id, platform} = manifest.parse(JSON.parse(text));
    return {id, platform};
  }

  const hash = createHash('sha256').update(process.version);
  const files: string[] = [];
  for await (const entry of glob(sources, {cwd: root, withFileTypes: true})) {
    if (entry.isFile()) {
      files.push(path.join(entry.parentPath, entry.name));
    }
  }

  for (const file of files.sort()) {
    hash.update(`\0${path.relative(root, file)}\0`).update(await readFile(file));
  }

  return {id: `${version}-${hash.digest('hex').slice(0, 12)}`, platform: ownPlatform() ?? process.platform};
}
