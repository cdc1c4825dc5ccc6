#!/usr/bin/env node
/**
 * Writes crds/*.yaml from the schemas in api/v1alpha1.
 *   usage: hack/generate-crds.ts [--check]     --check writes nothing, and fails when a file is not what it would be
 */
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {stringify} from 'yaml';
import {kinds} from '../api/v1alpha1/kinds.ts';
import {customResourceDefinition} from '../api/v1alpha1/openapi-crd.ts';
import {servedKinds} from '../api/v1alpha1/validate.ts';

const folder = join(import.meta.dirname, '..', 'crds');
const check = process.argv.includes('--check');
await mkdir(folder, {recursive: true});
for (const kind of servedKinds) {
  const path = join(folder, `${kinds[kind].plural}.yaml`);
  const definition = stringify(customResourceDefinition(kind), {lineWidth: 0, aliasDuplicateObjects: false});
  const text = `# Made by hack/generate-crds.ts from api/v1alpha1; change it there.\n${definition}`;
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present === text) {
    continue;
  }

  if (check) {
    console.error(`${path} is not what the schemas say: run hack/generate-crds.ts`);
    process.exitCode = 1;
  } else {
    await writeFile(path, text);
    console.error(`wrote ${path}`);
  }
}
