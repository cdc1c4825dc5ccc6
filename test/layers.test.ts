import {glob, readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';

const root = path.resolve(import.meta.dirname, '..');
const layers = ['api', 'agent', 'controller', 'tui', 'cli'] as const;
type Layer = (typeof layers)[number];

const mayImport: Record<Layer, readonly Layer[]> = {
  api: ['api'],
  agent: ['api', 'agent'],
  controller: ['api', 'controller'],
  tui: ['api', 'tui'],
  cli: ['api', 'agent', 'controller', 'tui', 'cli'],
};

/** Parts of `api` that only some layers may use: the rest speak to the server as its clients do. */
const reserved: ReadonlyMap<string, readonly Layer[]> = new Map([
  ['api/server/', ['api', 'cli']],
  ['api/storage/sqlite/', ['api', 'cli']],
  ['api/storage/kubernetes/', ['api', 'cli']],
]);

/** Files that decide and do nothing else: they may import types and pure functions, never an effect. */
const pure = [
  'controller/workspace/desired.ts',
  'controller/workspace/schedule.ts',
  'controller/workspace/placement.ts',
  'controller/workspace/ports.ts',
  'controller/workspace/plan.ts',
  'controller/workspace/plan-configuration.ts',
  'controller/workspace/plan-content.ts',
  'controller/workspace/plan-deletion.ts',
  'controller/workspace/plan-forwards.ts',
  'controller/workspace/plan-operation.ts',
  'controller/workspace/plan-power.ts',
  'controller/workspace/replacement.ts',
  'controller/workspace/action.ts',
  'controller/workspace/situation.ts',
  'controller/workspace/sight.ts',
  'controller/workspace/failures.ts',
  'controller/workspace/findings.ts',
  'controller/workspace/happenings.ts',
  'controller/workspace/status.ts',
  'controller/workspace/service-status.ts',
  'controller/workspace/conditions.ts',
  'controller/node/status.ts',
  'controller/node/orphans.ts',
  'agent/services/machine.ts',
];

const pureFolders = [
  'api/v1alpha1/',
  'api/agent/v1alpha1/',
  'controller/workspace/',
  'controller/node/',
  'agent/services/',
];
const pureModules = ['api/effects/clock.ts', 'node:crypto', 'node:util'];

/** Where time, chance and timers come in only through `api/effects`. */
const injected = ['controller/', 'api/storage/', 'agent/services/', 'agent/instances/'];
const effects =
  /\b(?:Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|setInterval\(|setImmediate\(|performance\.now\()/;

type Import = {readonly specifier: string; readonly typeOnly: boolean};

function importsOf(source: string): Import[] {
  return [
    ...source.matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)/gm),
  ].map(match => ({
    specifier: match[2] ?? match[3] ?? '',
    typeOnly: match[1] !== undefined,
  }));
}

async function sources(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for await (const file of glob(`{${layers.join(',')}}/**/*.{ts,tsx}`, {cwd: root})) {
    files.set(file, await readFile(path.join(root, file), 'utf8'));
  }

  return files;
}

function target(file: string, specifier: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
}

test('each layer imports only the layers below it', async t => {
  const violations: string[] = [];
  for (const [file, source] of await sources()) {
    const layer = layers.find(name => file.startsWith(`${name}/`));
    for (const {specifier} of importsOf(source).filter(({specifier}) => specifier.startsWith('.'))) {
      const imported = target(file, specifier);
      const allowed = layer !== undefined && mayImport[layer].some(name => imported.startsWith(`${name}/`));
      const isReserved = [...reserved].some(
        ([folder, users]) => imported.startsWith(folder) && layer !== undefined && !users.includes(layer),
      );
      if (!allowed || isReserved) {
        violations.push(`${file} imports ${imported}`);
      }
    }
  }

  t.deepEqual(violations, []);
});

test('pure files import types and other pure code only', async t => {
  const files = await sources();
  const violations: string[] = [];
  for (const file of pure) {
    const source = files.get(file);
    if (source === undefined) {
      violations.push(`${file} does not exist: mend the list`);
      continue;
    }

    for (const {specifier, typeOnly} of importsOf(source)) {
      const imported = specifier.startsWith('.') ? target(file, specifier) : specifier;
      const isPure =
        pureFolders.some(folder => imported.startsWith(folder)) || pureModules.includes(imported);
      if (!typeOnly && !isPure) {
        violations.push(`${file} imports ${imported} at run time`);
      }
    }

    if (effects.test(source) || /\bawait\b/.test(source)) {
      violations.push(`${file} has an effect`);
    }
  }

  t.deepEqual(violations, []);
});

test('time and chance are injected where simulation must control them', async t => {
  const violations = [...(await sources())]
    .filter(([file, source]) => injected.some(folder => file.startsWith(folder)) && effects.test(source))
    .map(([file]) => file);
  t.deepEqual(violations, []);
});

test('files stay small enough to read in one go', async t => {
  const violations = [...(await sources())]
    .map(([file, source]) => `${file}: ${source.split('\n').length}`)
    .filter(line => Number(line.split(': ')[1]) > 300);
  t.deepEqual(violations, []);
});
