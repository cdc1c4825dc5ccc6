import test from 'ava';
import {parseManifests} from '../../../api/v1alpha1/manifest.ts';

const header = 'apiVersion: nexus.dev/v1alpha1\n';

test('resources and short forms are told apart, empty documents left out', t => {
  const result = parseManifests(
    `---\n${header}kind: Node\nmetadata: {name: box}\n---\n# nothing\n---\nname: shop\n`,
    'ada',
  );
  t.true(result.ok);
  t.deepEqual(result.ok ? result.entries.map(({type}) => type) : [], ['Resource', 'ShortForm']);
});

test('a workspace belongs to whom it names, else to the caller, and what was given is told', t => {
  const result = parseManifests(
    `${header}kind: Workspace\nmetadata: {name: a}\n---\n${header}kind: Workspace\nmetadata: {name: b}\nspec: {owner: eve, running: false}\n`,
    'ada',
  );
  const seen = (result.ok ? result.entries : []).map(entry =>
    entry.type === 'Resource' && entry.resource.kind === 'Workspace'
      ? [entry.resource.spec.owner, entry.given]
      : [],
  );
  t.deepEqual(seen, [
    ['ada', {owner: false, running: false}],
    ['eve', {owner: true, running: true}],
  ]);
});

test('a List is what is in it', t => {
  const item = '{apiVersion: nexus.dev/v1alpha1, kind: Node, metadata: {name: box}}';
  const result = parseManifests(`apiVersion: v1\nkind: List\nitems: [${item}, ${item}]`, 'ada');
  t.is(result.ok ? result.entries.length : 0, 2);
});

test('JSON is YAML', t => {
  t.true(
    parseManifests('{"apiVersion": "nexus.dev/v1alpha1", "kind": "User", "metadata": {"name": "a"}}', 'ada')
      .ok,
  );
});

const refused: readonly (readonly [string, string, string, number | undefined])[] = [
  ['an unknown kind', `${header}kind: Worksapce\n`, 'kind', 2],
  ['another API version', 'apiVersion: v1\nkind: Workspace\n', 'apiVersion', 1],
  ['a misspelt field', `${header}kind: Node\nmetadata:\n  name: a\nspec:\n  adress: b\n`, 'spec.adress', 6],
  [
    'one inside a List',
    `kind: List\nitems:\n- ${header.trim()}\n  kind: Node\n  metadata: {name: A}\n`,
    'metadata.name',
    5,
  ],
  ['a secret', `${header}kind: Token\nmetadata: {name: a}\n`, 'kind', 2],
  ['a spec that is no mapping', `${header}kind: Workspace\nmetadata: {name: a}\nspec: 7\n`, 'spec', 4],
  ['a text', 'hello', 'kind', undefined],
  ['nothing', '', '', undefined],
];

for (const [title, text, path, line] of refused) {
  test(`refused, with its place: ${title}`, t => {
    const result = parseManifests(text, 'ada');
    const [issue] = result.ok ? [] : result.issues;
    t.truthy(issue);
    t.is(issue?.path, title === 'a text' ? '' : path);
    if (line !== undefined) {
      t.is(issue?.line, line);
    }
  });
}

test('one bad document keeps all others from being returned', t => {
  const result = parseManifests(`${header}kind: Node\nmetadata: {name: a}\n---\nname: X\n`, 'ada');
  t.false(result.ok);
});
