import test from 'ava';
import {z} from 'zod';
import {isStorageError} from '../../../api/storage/storage-error.ts';
import {nearestName} from '../../../api/v1alpha1/nearest-name.ts';
import {parseResource, parseResourceOf, parseWith} from '../../../api/v1alpha1/validate.ts';
import {formatPath} from '../../../api/v1alpha1/validate-issues.ts';

const apiVersion = 'nexus.dev/v1alpha1';

function issuesOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (isStorageError(error, 'Invalid')) {
      return error.issues.map(({path, message}) => `${path}: ${message}`);
    }

    throw error;
  }

  return [];
}

test('a resource comes back with its defaults', t => {
  const parsed = parseResource({apiVersion, kind: 'Node', metadata: {name: 'a'}});
  t.like(parsed, {kind: 'Node', spec: {port: 22, address: '127.0.0.1', unschedulable: false}});
});

const inputs: readonly (readonly [unknown, readonly string[]])[] = [
  [null, [': must be a mapping with apiVersion, kind, metadata and spec']],
  ['text', [': must be a mapping with apiVersion, kind, metadata and spec']],
  [
    {apiVersion: 'v1', kind: 'workspace'},
    [
      'apiVersion: must be nexus.dev/v1alpha1, not "v1"',
      'kind: workspace is not known; did you mean Workspace?',
    ],
  ],
  [{apiVersion, kind: 'Token'}, ['kind: must be one of Workspace, Node, User, Event, not "Token"']],
  [
    {apiVersion, kind: 'User', metadata: {name: 'a', lables: {}}, spec: {role: 'root', githubId: 0}},
    [
      'metadata.lables: unknown field; did you mean labels?',
      'spec.githubId: must be more than 0',
      'spec.role: must be one of admin, user, not "root"',
    ],
  ],
  [
    {
      apiVersion,
      kind: 'Workspace',
      metadata: {name: 'a'},
      spec: {owner: null, setup: 'npm ci', running: 'yes', env: {A: 1}, deadlines: {stop: 'soon'}},
    },
    [
      'spec.owner: must be a text, not null (empty)',
      'spec.env.A: must be a text, not 1',
      'spec.setup: must be a list, not "npm ci"',
      'spec.running: must be true or false, not "yes"',
      'spec.deadlines.stop: must be a duration such as 500ms, 5s, 1m30s or 7d',
    ],
  ],
  [
    {
      apiVersion,
      kind: 'Workspace',
      metadata: {name: 'a'},
      spec: {owner: 'a', resources: {cpus: 5000}, setup: Array(101).fill('x')},
    },
    ['spec.resources.cpus: must be at most 1024', 'spec.setup: must be at most 100 items'],
  ],
];

for (const [input, expected] of inputs) {
  test(`of ${JSON.stringify(input).slice(0, 250)} all that is wrong is said`, t => {
    t.deepEqual(
      issuesOf(() => parseResource(input)),
      [...expected],
    );
  });
}

test('another kind than the one that is wanted is refused', t => {
  t.deepEqual(
    issuesOf(() => parseResourceOf('Node', {apiVersion, kind: 'User', metadata: {name: 'a'}})),
    ['kind: must be Node, not User'],
  );
});

test('the message says the first faults, and how many more there are', t => {
  const schema = z.strictObject({a: z.string(), b: z.string(), c: z.string(), d: z.string()});
  t.throws(() => parseWith(schema, {}, 'The thing'), {
    message:
      'The thing is not valid: a is required (a text); b is required (a text); c is required (a text) (and 1 more)',
  });
});

test('paths read as they are written', t => {
  t.is(formatPath(['spec', 'services', 0, 'port']), 'spec.services[0].port');
  t.is(formatPath(['metadata', 'labels', 'example.com/app']), 'metadata.labels["example.com/app"]');
  t.is(formatPath([]), '');
});

test('a name is near another by its slips, and far from what is merely short', t => {
  const known = ['services', 'setup', 'image', 'env', 'dependsOn'];
  t.is(nearestName('servces', known), 'services');
  t.is(nearestName('Services', known), 'services');
  t.is(nearestName('sevrices', known), 'services');
  t.is(nearestName('depends_on', known), 'dependsOn');
  t.is(nearestName('evn', known), 'env');
  t.is(nearestName('volumes', known), undefined);
  t.is(nearestName('x', known), undefined);
  t.is(nearestName('', []), undefined);
});

test('a workspace can not ask for more than it may have', t => {
  const asking = (resources: object) =>
    issuesOf(() =>
      parseResource({apiVersion, kind: 'Workspace', metadata: {name: 'a'}, spec: {owner: 'ada', resources}}),
    );
  t.deepEqual(asking({memory: '2GiB', requests: {cpus: 2.5, memory: '3GiB', disk: '20GiB'}}), [
    'spec.resources.requests.cpus: asks for more than resources.cpus lets it have',
    'spec.resources.requests.memory: asks for more than resources.memory lets it have',
  ]);
  t.deepEqual(asking({memory: 'much', requests: {memory: '3GiB'}}), [
    'spec.resources.memory: must be a size such as 512MiB, 4GiB or 20GB',
  ]);
});
