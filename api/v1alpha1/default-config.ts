import {z} from 'zod';
import type {ConfigFile} from './config-file.ts';
import {configFilePath, parseConfigFile} from './config-file.ts';
import type {GeneratedConfig} from './default-config-languages.ts';
import {pythonConfig, rubyConfig, staticConfig} from './default-config-languages.ts';
import type {TextIssue} from './manifest-document.ts';
import {service} from './service.ts';

/** What a repository holds that says how to run it. */
export type RepositoryContents = {
  /** Names in its top folder. */
  readonly files: readonly string[];
  /** Text of `.nexus/config.yaml`. */
  readonly nexusConfig?: string | undefined;
  /** Text of `package.json`. */
  readonly packageJson?: string | undefined;
};

const packageManifest = z.object({
  scripts: z.record(z.string(), z.string()).catch({}).default({}),
  dependencies: z.record(z.string(), z.string()).catch({}).default({}),
  devDependencies: z.record(z.string(), z.string()).catch({}).default({}),
  main: z.string().optional().catch(undefined),
});

/** A configuration for a repository that has none: Node.js, Python, Ruby, otherwise a static web server. Pure. */
export function defaultConfig({files, packageJson}: RepositoryContents): GeneratedConfig {
  const has = (name: string) => files.includes(name);
  if (packageJson !== undefined || has('package.json')) {
    return nodeConfig(has, packageJson);
  }

  if (has('pyproject.toml') || has('requirements.txt')) {
    return pythonConfig(has);
  }

  return has('Gemfile') ? rubyConfig(has) : staticConfig();
}

/**
 * Setup and services of a clone: from its `.nexus/config.yaml`, or generated when it has none. Pure; a file that is not valid is a
 * `problem` in words for people.
 */
export function readConfiguration(
  contents: RepositoryContents,
): Pick<ConfigFile, 'setup' | 'services' | 'env'> | {readonly problem: string} {
  if (contents.nexusConfig === undefined) {
    const {setup, services} = defaultConfig(contents);
    return {setup: [...setup], services, env: {}};
  }

  const result = parseConfigFile(contents.nexusConfig);
  return result.ok
    ? result.config
    : {problem: `${configFilePath} is not valid: ${result.issues.slice(0, 3).map(describeIssue).join('; ')}`};
}

/** `services.web.port must be … (line 3, column 5)`. */
export function describeIssue({path, message, line, column}: TextIssue): string {
  const place = line === undefined ? '' : ` (line ${line}, column ${column ?? 1})`;
  return `${path === '' ? '' : `${path} `}${message}${place}`;
}

/** Where development servers listen unless told otherwise; those that are not named here obey PORT. */
const ports: ReadonlyMap<string, number> = new Map([
  ['vite', 5173],
  ['astro', 4321],
  ['@angular/cli', 4200],
  ['gatsby', 8000],
]);

/** Checked first, since nexus/base has Node.js but no npm. */
const ensureNpm =
  'command -v npm >/dev/null || { sudo apt-get update && sudo apt-get install --yes --no-install-recommends npm; }';

function nodeConfig(has: (name: string) => boolean, text: string | undefined): GeneratedConfig {
  const {scripts, dependencies, devDependencies, main} = packageManifest.parse(parseJson(text));
  const manager = has('pnpm-lock.yaml') ? 'pnpm' : has('yarn.lock') ? 'yarn' : 'npm';
  const install = {
    npm: has('package-lock.json') || has('npm-shrinkwrap.json') ? 'npm ci' : 'npm install',
    pnpm: 'npx --yes pnpm install --frozen-lockfile',
    yarn: 'npx --yes yarn install --frozen-lockfile',
  }[manager];
  const script = ['dev', 'start', 'serve'].find(name => scripts[name] !== undefined);
  const tool = [...ports.keys()].find(name => name in dependencies || name in devDependencies);
  const command =
    script === undefined
      ? main === undefined && !has('server.js')
        ? undefined
        : `node ${has('server.js') ? 'server.js' : '.'}`
      : manager === 'npm'
        ? `npm run ${script}`
        : `npx --yes ${manager} run ${script}`;
  const port = (script === undefined ? undefined : ports.get(tool ?? '')) ?? 3000;
  return {
    basis: 'Node.js (package.json)',
    setup: [ensureNpm, install],
    services:
      command === undefined
        ? []
        : [service.parse({name: 'web', command, port, healthCheck: {tcp: port, startPeriod: '2m'}})],
  };
}

function parseJson(text: string | undefined): unknown {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    // The package manager says better what is wrong with it.
    return {};
  }
}
