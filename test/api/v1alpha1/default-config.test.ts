import test from 'ava';
import {stringify} from 'yaml';
import {parseConfigFile} from '../../../api/v1alpha1/config-file.ts';
import type {RepositoryContents} from '../../../api/v1alpha1/default-config.ts';
import {defaultConfig, readConfiguration} from '../../../api/v1alpha1/default-config.ts';

const vite = JSON.stringify({scripts: {dev: 'vite'}, devDependencies: {vite: '^7'}});

const cases: readonly (readonly [title: string, contents: RepositoryContents, expected: object])[] = [
  [
    'npm with a lock file',
    {files: ['package.json', 'package-lock.json'], packageJson: '{"scripts": {"start": "node ."}}'},
    {basis: 'Node.js (package.json)', install: 'npm ci', command: 'npm run start', port: 3000},
  ],
  [
    'dev before start',
    {files: ['package.json'], packageJson: '{"scripts": {"start": "x", "dev": "y"}}'},
    {basis: 'Node.js (package.json)', install: 'npm install', command: 'npm run dev', port: 3000},
  ],
  [
    'pnpm and vite',
    {files: ['package.json', 'pnpm-lock.yaml'], packageJson: vite},
    {
      basis: 'Node.js (package.json)',
      install: 'npx --yes pnpm install --frozen-lockfile',
      command: 'npx --yes pnpm run dev',
      port: 5173,
    },
  ],
  [
    'a package.json that is no JSON',
    {files: ['package.json'], packageJson: '{'},
    {basis: 'Node.js (package.json)', install: 'npm install', command: undefined, port: undefined},
  ],
  [
    'a package.json whose fields are of the wrong types',
    {files: ['package.json', 'server.js'], packageJson: '{"scripts": 7, "main": []}'},
    {basis: 'Node.js (package.json)', install: 'npm install', command: 'node server.js', port: 3000},
  ],
  [
    'Django',
    {files: ['requirements.txt', 'manage.py']},
    {
      basis: 'Python (requirements.txt)',
      install: '.venv/bin/pip install -r requirements.txt',
      command: '.venv/bin/python manage.py runserver 0.0.0.0:8000',
      port: 8000,
    },
  ],
  [
    'a Python library',
    {files: ['pyproject.toml']},
    {
      basis: 'Python (pyproject.toml)',
      install: '.venv/bin/pip install -e .',
      command: undefined,
      port: undefined,
    },
  ],
  [
    'rack',
    {files: ['Gemfile', 'config.ru']},
    {
      basis: 'Ruby (Gemfile)',
      install: 'bundle config set --local path vendor/bundle && bundle install',
      command: 'bundle exec rackup --host 0.0.0.0 --port 9292',
      port: 9292,
    },
  ],
];

for (const [title, contents, expected] of cases) {
  test(`generated for ${title}`, t => {
    const {basis, setup, services} = defaultConfig(contents);
    t.deepEqual(
      {basis, install: setup.at(-1), command: services[0]?.command, port: services[0]?.port},
      expected as never,
    );
  });
}

test('anything else gets a static web server, which the short form accepts as it is', t => {
  const {setup, services} = defaultConfig({files: ['index.html']});
  t.deepEqual(setup, []);
  t.is(services[0]?.port, 8080);
  const asShortForm = Object.fromEntries(services.map(({name, ...rest}) => [name, rest]));
  t.true(parseConfigFile(stringify({name: 'x', services: asShortForm})).ok);
});

test("a clone's own configuration comes first", t => {
  const result = readConfiguration({
    files: ['package.json'],
    nexusConfig: 'setup: [make]\nservices: {a: {command: x}}',
    packageJson: vite,
  });
  t.false('problem' in result);
  t.like(result, {setup: ['make'], services: [{name: 'a'}]});
});

test('a configuration that is not valid is a problem that says where', t => {
  const result = readConfiguration({files: [], nexusConfig: 'servces: {}'});
  t.deepEqual(result, {
    problem:
      '.nexus/config.yaml is not valid: servces unknown field; did you mean services? (line 1, column 1)',
  });
});
