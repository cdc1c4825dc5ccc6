import type {Sequence, Step} from './sequences.ts';

const apiVersion = 'nexus.dev/v1alpha1';

const post = (path: string, body: unknown, type = 'application/json'): Step => ({
  call: {method: 'POST', path, body, type},
});
const node = (name: string | undefined, spec: unknown = {}, metadata: object = {}) => ({
  apiVersion,
  kind: 'Node',
  metadata: {name, ...metadata},
  spec,
});
const user = (spec: unknown) => ({apiVersion, kind: 'User', metadata: {name: 'e'}, spec});
const bad = (spec: object): Step =>
  post('NS/workspaces', {
    apiVersion,
    kind: 'Workspace',
    metadata: {name: 'bad', finalizers: ['nexus.dev/instance']},
    spec: {owner: 'admin', ...spec},
  });
const service = (...services: object[]): Step =>
  bad({services: services.map((more, index) => ({name: 'ab'[index], command: 'x', ...more}))});

export const badObjects: readonly Sequence[] = [
  {
    title: 'unknown fields and fields that are given twice are warned of, refused or ignored',
    steps: [
      post('NS/nodes', {...node('f1', {foo: 1}, {bar: 2}), baz: 1}),
      post('NS/nodes?fieldValidation=Strict', {...node('f2', {foo: 1}, {bar: 2}), baz: 1}),
      post('NS/nodes?fieldValidation=Ignore', {...node('f3', {foo: 1}), baz: 1}),
      post('NS/nodes?fieldValidation=Nope', node('f4')),
      post(
        'NS/nodes',
        '{"apiVersion":"nexus.dev/v1alpha1","kind":"Node","metadata":{"name":"f5"},"spec":{"port":1,"port":2}}',
      ),
      post(
        'NS/nodes?fieldValidation=Strict',
        '{"apiVersion":"nexus.dev/v1alpha1","kind":"Node","metadata":{"name":"f6"},"spec":{"port":1,"port":2,"x":1}}',
      ),
      post(
        'NS/nodes',
        'apiVersion: nexus.dev/v1alpha1\nkind: Node\nmetadata: {name: f7}\nspec: {prt: 1}\n',
        'application/yaml',
      ),
      post('NS/nodes?dryRun=All', node('f8')),
      post('NS/nodes?dryRun=x', node('f8')),
      {call: {path: 'NS/nodes/f8'}},
    ],
  },
  {
    title: 'metadata that Kubernetes does not take',
    steps: [
      post('NS/nodes', node(undefined)),
      post('NS/nodes', node('Bad_Name')),
      post('NS/nodes', node('a.b')),
      post('NS/nodes', node('a'.repeat(64))),
      post('NS/nodes', node('a'.repeat(254))),
      post('NS/nodes', node('m1', {}, {labels: {'a b': 'c', ok: 'b d', 'x/y/z': 'q', '/z': 'q'}})),
      post('NS/nodes', node('m2', {}, {finalizers: ['bad name']})),
      post('NS/nodes', node('m3', {}, {annotations: {'a b': 'c'}})),
      post(
        'NS/nodes',
        node('m4', {}, {uid: 'abc', generation: 7, creationTimestamp: '2020-01-01T00:00:00Z'}),
      ),
      post('NS/nodes', node('m5', {}, {namespace: 'other'})),
      post('NS/nodes', {...node('m6'), kind: 'User'}),
      post('NS/nodes', {...node('m6'), apiVersion: 'v1'}),
      post('NS/nodes', {metadata: {name: 'm6'}}),
      {...post('NS/nodes', node('m7', {}, {resourceVersion: '1'})), differs: 'versionedCreate', status: 400},
      {
        ...post('NS/nodes', {...node(undefined), metadata: {generateName: 'g-'}}),
        differs: 'generateName',
        status: 201,
      },
      {...post('NS/nodes', '{'), differs: 'unreadable', status: 400},
      {...post('NS/nodes', 'x', 'text/plain'), differs: 'protobuf', status: 415},
    ],
  },
  {
    title: 'specs that the definitions do not take',
    steps: [
      ...[
        {role: 'root'},
        {role: 1, githubId: 'x', sshKeys: {}},
        {githubId: 0},
        {sshKeys: [{publicKey: 'x', fingerprint: 'y'}]},
        {githubUsername: 'a--b'},
        {sshKeys: [{}]},
      ].map(spec => post('NS/users', user(spec))),
      service({port: 3}, {port: 3}),
      service({port: 0}, {port: 70_000}),
      service({port: 1.5}),
      service({dependsOn: ['z']}),
      service({dependsOn: ['a']}),
      service({}, {name: 'a'}),
      service({healthCheck: {http: '/', tcp: 3}}),
      service({healthCheck: {timeout: '10s'}}),
      service({healthCheck: {retries: 0, process: false}}),
      ...[
        {env: {'1A': 'x'}},
        {env: {A: 1}},
        {resources: {memory: '0'}},
        {resources: {memory: 'x', cpus: 0}},
        {resources: {cpus: 1, requests: {cpus: 2}}},
        {provider: 'x', image: ' ', running: 'no', env: {A: 1}},
        {repo: {name: 'x'}},
        {repo: {name: '.git', url: 'https://a/b'}},
        {repo: {name: 'x', url: 'ext::sh'}},
        {repo: {name: 'x', url: 'https://a/b', branch: 'a..b'}},
        {setup: Array<string>(101).fill('x')},
        {setup: ['']},
        {nodeSelector: {'a b': 'c'}},
        {nodeSelector: {a: 'c d'}},
      ].map(bad),
    ],
  },
];
