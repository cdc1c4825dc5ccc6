#!/usr/bin/env node
/**
 * Writes crds/ from the schemas in api/v1alpha1.
 *   usage: hack/generate-crds.ts [--check]     --check writes nothing, and fails when a file is not what it would be
 */
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {stringify} from 'yaml';
import {internalDefinition} from '../api/storage/kubernetes/internal-definitions.ts';
import type {InternalKind} from '../api/storage/kubernetes/internal-kinds.ts';
import {internalKinds} from '../api/storage/kubernetes/internal-kinds.ts';
import type {Kind} from '../api/v1alpha1/kinds.ts';
import {kinds} from '../api/v1alpha1/kinds.ts';
import {customResourceDefinition} from '../api/v1alpha1/openapi-crd.ts';

const folder = join(import.meta.dirname, '..', 'crds');
const check = process.argv.includes('--check');
await mkdir(folder, {recursive: true});
const definitions = [
  ...Object.keys(kinds).map(kind => customResourceDefinition(kind as Kind)),
  ...Object.keys(internalKinds).map(kind => internalDefinition(kind as InternalKind)),
];
const fileOf = (definition: (typeof definitions)[number]) => `${definition.spec.names.plural}.yaml`;
const files: [name: string, content: object][] = [
  ...definitions.map((definition): [string, object] => [fileOf(definition), definition]),
  // For manifests/kubernetes. Without an extension, so that `kubectl apply -f crds/` does not take it for a resource.
  [
    'Kustomization',
    {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: definitions.map(fileOf).sort(),
    },
  ],
];
for (const [name, content] of files) {
  const path = join(folder, name);
  const yaml = stringify(content, {lineWidth: 0, aliasDuplicateObjects: false});
  const text = `# Made by hack/generate-crds.ts from api/v1alpha1; change it there.\n${yaml}`;
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
