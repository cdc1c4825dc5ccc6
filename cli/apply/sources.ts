import {access, readdir, readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import {configFilePath} from '../../api/v1alpha1/config-file.ts';
import {defaultConfig} from '../../api/v1alpha1/default-config.ts';
import {manifestLimit} from '../../api/v1alpha1/manifest-document.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {readWorkingCopy} from '../git/working-copy.ts';
import {toYaml} from '../output/format.ts';

/** A text to be applied. */
export type Source = {
  /** For messages. */
  readonly name: string;
  readonly text: string;
  /** What the short form in it is about: the folder whose `.nexus` it lies in, else the one it lies in. */
  readonly folder: string;
};

type SourceOptions = Pick<Cli, 'cwd' | 'stdin' | 'env' | 'signal' | 'note'>;

/** What `-f` names: files, folders of YAML and JSON files, `-` for standard input; by default the `.nexus/config.yaml` here, or one
 * that is generated for this repository. Throws CliError. */
export async function readSources(cli: SourceOptions, given: readonly string[]): Promise<Source[]> {
  if (given.length === 0 && !(await isThere(path.resolve(cli.cwd, configFilePath)))) {
    return [await generatedSource(cli)];
  }

  const names = given.length === 0 ? [configFilePath] : given;
  const sources = await Promise.all(names.map(name => readSource(cli, name)));
  return sources.flat();
}

/** The short form that a repository without one gets. Throws CliError where there is no repository. */
async function generatedSource(cli: SourceOptions): Promise<Source> {
  const copy = await readWorkingCopy(cli.cwd, cli);
  if (copy === undefined) {
    throw new CliError('usage', `there is no ${configFilePath} here, and no git repository either`, {
      hint: 'Name a file with -f, or go to a repository.',
    });
  }

  const own = path.join(copy.folder, configFilePath);
  if (await isThere(own)) {
    return readManifest(own, path.relative(cli.cwd, own));
  }

  const packageFile = path.join(copy.folder, 'package.json');
  const config = defaultConfig({
    files: await readdir(copy.folder),
    packageJson: (await isThere(packageFile)) ? await readFile(packageFile, 'utf8') : undefined,
  });
  cli.note(`There is no ${configFilePath}; one is generated: ${config.basis}`);
  const services = Object.fromEntries(config.services.map(({name, ...template}) => [name, template]));
  return {
    name: 'the generated configuration',
    text: toYaml({setup: config.setup, services}),
    folder: copy.folder,
  };
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}

async function readSource({cwd, stdin}: Pick<Cli, 'cwd' | 'stdin'>, name: string): Promise<Source[]> {
  if (name === '-') {
    return [{name: 'standard input', text: await text(stdin), folder: cwd}];
  }

  const file = path.resolve(cwd, name);
  try {
    if (!(await stat(file)).isDirectory()) {
      return [await readManifest(file, name)];
    }

    const inside = (await readdir(file)).filter(entry => /\.(?:ya?ml|json)$/.test(entry)).sort();
    if (inside.length === 0) {
      throw new CliError('usage', `the folder ${name} holds no .yaml, .yml or .json file`);
    }

    return await Promise.all(
      inside.map(entry => readManifest(path.join(file, entry), path.join(name, entry))),
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new CliError('usage', `there is no file ${name}`, {
        hint: `Name one with -f, or write a ${configFilePath} (docs/configuration.md).`,
        cause: error,
      });
    }

    throw error;
  }
}

async function readManifest(file: string, name: string): Promise<Source> {
  const {size} = await stat(file);
  if (size > manifestLimit * 4) {
    throw new CliError('usage', `${name} is ${size} bytes long; at most ${manifestLimit} are accepted`);
  }

  const folder = path.dirname(file);
  return {
    name,
    text: await readFile(file, 'utf8'),
    folder: path.basename(folder) === '.nexus' ? path.dirname(folder) : folder,
  };
}
