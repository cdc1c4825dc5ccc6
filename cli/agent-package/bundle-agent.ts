import {glob, readFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Plugin} from 'esbuild';

/** A file of the package that was made here. */
export type BundledFile = {readonly path: string; readonly content: Buffer; readonly executable: boolean};

/** Of the checkout. */
const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The agent's program in one file, the files that it reads in the places where its modules look for them, and what starts it: with a `node` beside
 * them they need nothing else. The same sources give the same bytes, wherever they lie.
 */
export async function bundleAgent(version: string): Promise<readonly BundledFile[]> {
  const {build} = await import('esbuild');
  const {outputFiles} = await build({
    absWorkingDir: root,
    entryPoints: ['cli/agent-main.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'inline',
    logLevel: 'silent',
    // Native speed-ups of ws and ssh2, which do without.
    external: ['bufferutil', 'utf-8-validate', 'cpu-features', '*.node'],
    banner: {
      // What modules of the older kind take for granted.
      js: "import {createRequire as requireFrom} from 'node:module';const require=requireFrom(import.meta.url),__dirname=import.meta.dirname;",
    },
    plugins: [ownPlaces],
  });
  const assets: BundledFile[] = [];
  for await (const file of glob('agent/**/*', {cwd: root, withFileTypes: true})) {
    if (file.isFile() && !file.name.endsWith('.ts')) {
      const full = path.join(file.parentPath, file.name);
      const place = path.relative(root, full).split(path.sep).join('/');
      assets.push({path: place, content: await readFile(full), executable: false});
    }
  }

  return [
    ...assets,
    ...outputFiles.map(({contents}) => ({
      path: 'cli/nexus.js',
      content: Buffer.from(contents),
      executable: false,
    })),
    {path: 'nexus', content: Buffer.from(launcher), executable: true},
    {
      path: 'package.json',
      content: Buffer.from(`${JSON.stringify({name: 'nexus', version, type: 'module'})}\n`),
      executable: false,
    },
  ].sort((one, other) => (one.path < other.path ? -1 : 1));
}

const launcher = `#!/bin/sh
here=$(dirname "$0")
exec "$here/node" "$here/cli/nexus.js" "$@"
`;

/** A module that looks for files beside itself finds them in the package in the same place as in the checkout. */
const ownPlaces: Plugin = {
  name: 'own-places',
  setup({onLoad}) {
    onLoad({filter: /\/(?:agent|api|cli)\/.*\.ts$/, namespace: 'file'}, async ({path: file}) => {
      const place = path.relative(root, file);
      if (place.startsWith('..') || place.startsWith('node_modules')) {
        return undefined;
      }

      const source = await readFile(file, 'utf8');
      const contents = source
        .replaceAll('import.meta.url', `new URL(${JSON.stringify(`../${place}`)},import.meta.url).href`)
        .replaceAll('import.meta.main', 'false');
      return {contents, loader: 'ts'};
    });
  },
};
