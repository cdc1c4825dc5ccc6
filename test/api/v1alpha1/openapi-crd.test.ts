import {execFile} from 'node:child_process';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {internalDefinition} from '../../../api/storage/kubernetes/internal-definitions.ts';
import type {InternalKind} from '../../../api/storage/kubernetes/internal-kinds.ts';
import {internalKinds} from '../../../api/storage/kubernetes/internal-kinds.ts';
import type {Kind} from '../../../api/v1alpha1/kinds.ts';
import {kinds} from '../../../api/v1alpha1/kinds.ts';
import {customResourceDefinition} from '../../../api/v1alpha1/openapi-crd.ts';
import type {JsonSchema} from '../../../api/v1alpha1/openapi-structural.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

test('the files in crds/ are what the schemas say', async t => {
  const {stderr} = await run(process.execPath, [join(root, 'hack/generate-crds.ts'), '--check']);
  t.is(stderr, '');
});

const definitions = [
  ...Object.keys(kinds).map(kind => customResourceDefinition(kind as Kind)),
  ...Object.keys(internalKinds).map(kind => internalDefinition(kind as InternalKind)),
];

for (const definition of definitions) {
  const {kind} = definition.spec.names;
  test(`the schema of ${kind} is structural`, t => {
    const text = JSON.stringify(definition);
    t.notRegex(text, /"(?:\$ref|const|anyOf|oneOf|allOf|propertyNames|\$schema)":/);
    t.notRegex(text, /"additionalProperties":(?:false|true|\{\})/);
    t.notRegex(text, /"pattern":"[^"]*\(\?[=!<]/);
    t.notRegex(text, /9007199254740991/);
  });

  test(`every field of ${kind} is described`, t => {
    const schema = definition.spec.versions[0]?.schema.openAPIV3Schema;
    t.truthy(schema);
    t.deepEqual(schema === undefined ? [] : undescribed(schema, kind), []);
  });
}

/** Paths of fields that `kubectl explain` has nothing to say of. Kubernetes describes metadata itself. */
function undescribed({description, properties = {}, items}: JsonSchema, path: string): string[] {
  const below = Object.entries(properties)
    .filter(([name]) => name !== 'metadata')
    .flatMap(([name, property]) => undescribed(property, `${path}.${name}`));
  const inItems = Object.entries(items?.properties ?? {}).flatMap(([name, property]) =>
    undescribed(property, `${path}[].${name}`),
  );
  return [...(typeof description === 'string' && description !== '' ? [] : [path]), ...below, ...inItems];
}
