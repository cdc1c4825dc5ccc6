import test from 'ava';
import {badSpecs} from '../../bad-specs.ts';
import {findCluster, needsCluster} from './cluster.ts';

const cluster = await findCluster();
if (cluster === undefined) {
  needsCluster('definitions');
} else {
  test.after.always(() => cluster[Symbol.asyncDispose]());
  const {kubectl} = cluster;
  const namespace = `nexus-test-definitions-${process.pid}`;
  test.before(async () => {
    await kubectl(['create', 'namespace', namespace]).catch(() => undefined);
  });
  test.after.always(async () => {
    await kubectl(['--namespace', namespace, 'delete', 'ws,nxu', '--all']);
  });

  const manifest = (kind: string, name: string, spec: object, rest: object = {}) =>
    JSON.stringify({apiVersion: 'nexus.dev/v1alpha1', kind, metadata: {name, namespace}, spec, ...rest});
  const apply = (text: string) => kubectl(['apply', '-f', '-'], text);
  const service = {name: 'web', command: 'npm start'};

  test('they are taken without a warning, and are structural', async t => {
    const {stderr} = await cluster.run(['apply', '-f', cluster.definitions]);
    t.notRegex(stderr, /warning/i);
    const types = await kubectl(['get', 'crds', '-o', 'jsonpath={.items[*].status.conditions[*].type}']);
    t.notRegex(types, /NonStructuralSchema|KubernetesAPIApprovalPolicyConformant.*False/);
  });

  test('defaults are filled in, and what people look at is in columns', async t => {
    await apply(manifest('Workspace', 'columns', {owner: 'ada', services: [service]}));
    const {spec} = JSON.parse(await kubectl(['-n', namespace, 'get', 'ws', 'columns', '-o', 'json']));
    t.like(spec, {
      provider: 'lxc',
      image: 'nexus/base',
      running: true,
      resources: {cpus: 2, memory: '4GiB'},
      deadlines: {create: '10m'},
    });
    t.like(spec.services[0], {restart: 'always', env: {}, dependsOn: []});
    t.regex(await kubectl(['-n', namespace, 'get', 'ws']), /NAME +PHASE +READY +NODE +SSH +AGE\n/);
    t.regex(
      await kubectl(['-n', namespace, 'get', 'ws', '-o', 'wide']),
      /PHASE +READY +NODE +SSH +OWNER +IMAGE +REASON +AGE\n/,
    );
    t.regex(await kubectl(['-n', namespace, 'get', 'nexus', '-o', 'name']), /workspace\.nexus\.dev\/columns/);
  });

  test('each field is explained', async t => {
    const text = await kubectl(['explain', 'workspace.spec.services']);
    t.regex(text, /Programs that run in it/);
    t.regex(text, /Where it listens inside the workspace/);
  });

  /** What is said elsewhere or otherwise than over REST, and why. */
  const otherwise: Readonly<Record<string, RegExp | 'accepted'>> = {
    'an unknown field': /unknown field "spec\.servces"/,
    'an unknown field of a service': /unknown field "spec\.services\[0\]\.prot"/,
    'port 0': /spec\.services\[0\]\.port.*greater than or equal to 1/,
    'port 70000': /spec\.services\[0\]\.port.*less than or equal to 65535/,
    'a port that is a text': /spec\.services\[0\]\.port.*must be of type integer/,
    'a port used twice': /spec\.services.*same port/,
    'a service named twice': /spec\.services\[1\]: Duplicate value/,
    'a dependency that is not there': /spec\.services.*names no service/,
    // Rules cost too much that follow a chain: the controller finds it, and says InvalidSpec.
    'a cycle': 'accepted',
    // Patterns are told as they are.
    'a repository address that is an option': /spec\.repo\.url.*should match/,
    'a repository address that runs a command': /spec\.repo\.url.*should match/,
    'a repository that is a local path': /spec\.repo\.url.*should match/,
    'an image that is an option': /spec\.image.*should match/,
    'a provider that nobody knows': /spec\.provider.*supported values: "lxc"/,
    'an environment that is no environment': /spec\.env.*letters, digits and _/,
    // There a User may come after its workspaces: the controller waits for it.
    'an owner that is nobody': 'accepted',
  };

  for (const [title, spec, field, says] of badSpecs) {
    const expected = otherwise[title] ?? says;
    test(`a spec with ${title} is ${expected === 'accepted' ? 'left to the controller' : 'refused'}`, async t => {
      const text = manifest('Workspace', 'bad', {owner: 'ada', ...spec});
      const {code, stderr} = await cluster.tryCreate('workspaces', text);
      if (expected === 'accepted') {
        t.is(code, 0, stderr);
        return;
      }

      t.not(code, 0);
      t.regex(stderr, expected);
      t.true(stderr.includes(field.replace(/\[.*$/, '').replace(/\.\w+$/, '')), stderr);
    });
  }

  const more: readonly (readonly [title: string, spec: object, says: RegExp])[] = [
    ['a service that waits for itself', {services: [{...service, dependsOn: ['web']}]}, /depends on itself/],
    [
      'two kinds of health check at once',
      {services: [{...service, healthCheck: {tcp: 1, command: 'true'}}]},
      /must be one of http, tcp, command and process/,
    ],
    [
      'an http check without a port',
      {services: [{...service, healthCheck: {http: '/'}}]},
      /healthCheck\.http needs a port/,
    ],
    [
      'a check that takes too long',
      {services: [{...service, healthCheck: {process: true, timeout: '5001ms'}}]},
      /must be at most 5s/,
    ],
    ['a repository without an address', {repo: {name: 'x'}}, /needs an address/],
    ['a folder .git', {repo: {name: '.Git', url: 'https://example.com/a'}}, /must not be \.git/],
    ...['-b', 'a..b', 'a/.b', 'x.lock', 'a b', '/a', 'a/', 'a.', '@{u}x@{', '$(id)'].map(
      branch =>
        [
          `the branch ${branch}`,
          {repo: {name: 'x', url: 'https://example.com/a', branch}},
          /must be a branch name/,
        ] as const,
    ),
    ['a selector that is none', {nodeSelector: {'a b': 'c'}}, /label keys/],
    ['a command with a NUL', {setup: ['a\0b']}, /spec\.setup\[0\]/],
    ['memory of 0.0', {resources: {memory: '0.0'}}, /more than zero/],
    ['no owner', {owner: undefined}, /spec\.owner: Required value/],
  ];

  for (const [title, spec, says] of more) {
    test(`a spec with ${title} is refused`, async t => {
      const text = manifest('Workspace', 'bad', {owner: 'ada', ...spec});
      const {code, stderr} = await cluster.tryCreate('workspaces', text);
      t.not(code, 0);
      t.regex(stderr, says);
    });
  }

  test('a user with an impossible account or key is refused', async t => {
    for (const [spec, says] of [
      [{githubUsername: 'a--b'}, /must be a GitHub user name/],
      [{githubId: 0}, /spec\.githubId/],
      [{role: 'root'}, /spec\.role/],
      [{sshKeys: [{publicKey: 'no key', fingerprint: 'x'}]}, /spec\.sshKeys\[0\]\.publicKey/],
    ] as const) {
      const {stderr} = await cluster.tryCreate('users', manifest('User', 'bad', spec));
      t.regex(stderr, says);
    }
  });

  test('what was cloned stays, and what is placed does not move', async t => {
    const repo = {name: 'x', owner: 'ada', url: 'https://example.com/ada/x.git'};
    await apply(manifest('Workspace', 'placed', {owner: 'ada', repo}));
    const patch = (text: object) =>
      cluster.run(['-n', namespace, 'patch', 'ws', 'placed', '--type=merge', '-p', JSON.stringify(text)]);
    t.regex(
      (await patch({spec: {repo: {url: 'https://example.com/ada/y.git'}}})).stderr,
      /url can't be changed/,
    );
    t.regex((await patch({spec: {repo: {owner: null}}})).stderr, /owner can't be changed/);
    t.regex((await patch({spec: {repo: null}})).stderr, /repo can't be taken away/);
    t.is((await patch({spec: {repo: {branch: 'main'}, node: 'a'}})).code, 0);
    t.is((await cluster.putStatus(namespace, 'placed', {node: 'a'})).code, 0);
    t.regex((await patch({spec: {node: 'b'}})).stderr, /spec\.node can't be changed/);
    t.is((await patch({spec: {node: null}})).code, 0);
    t.is((await patch({spec: {node: 'a'}})).code, 0);
  });
}
