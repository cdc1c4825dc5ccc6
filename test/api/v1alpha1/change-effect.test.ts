import test from 'ava';
import type {ChangeEffect} from '../../../api/v1alpha1/change-effect.ts';
import {changeEffect} from '../../../api/v1alpha1/change-effect.ts';
import {workspaceSpec} from '../../../api/v1alpha1/workspace.ts';

const base = {
  owner: 'ada',
  repo: {name: 'shop', url: 'https://github.com/ada/shop.git'},
  services: [
    {name: 'db', command: 'postgres', port: 5432},
    {name: 'web', command: 'npm start', port: 3000, dependsOn: ['db']},
  ],
};

const [db, web] = base.services;

const rows: readonly (readonly [string, object, ChangeEffect, readonly string[]])[] = [
  ['nothing', {}, 'none', []],
  ['the image', {image: 'ubuntu:22.04'}, 'recreate', ['image']],
  ['the provider', {provider: 'docker'}, 'recreate', ['provider']],
  ['memory', {resources: {memory: '8GiB'}}, 'inPlace', ['resources.memory']],
  [
    'the command of a service',
    {services: [db, {...web, command: 'x'}]},
    'restartService',
    ['services.web.command'],
  ],
  [
    'the health check of a service',
    {services: [{...db, healthCheck: {tcp: 5432}}, web]},
    'restartService',
    ['services.db.healthCheck'],
  ],
  ['one service more', {services: [db, web, {name: 'api', command: 'x'}]}, 'inPlace', ['services.api']],
  ['one service less', {services: [db]}, 'restartService', ['services.web']],
  ['the order of services', {services: [web, db]}, 'none', []],
  ['the environment', {env: {A: '1'}}, 'restartService', ['env']],
  ['setup', {setup: ['npm ci']}, 'inPlace', ['setup']],
  ['running', {running: false}, 'inPlace', ['running']],
  ['the owner', {owner: 'bob'}, 'inPlace', ['owner']],
  ['deadlines', {deadlines: {stop: '5m'}}, 'inPlace', ['deadlines']],
  ['the node', {node: 'two'}, 'none', ['node']],
  ['the address of the repository', {repo: {...base.repo, branch: 'main'}}, 'none', ['repo']],
  [
    'new commits',
    {repo: {...base.repo, bundle: {digest: 'd'.repeat(64), commit: 'b'.repeat(40)}}},
    'inPlace',
    ['repo.bundle'],
  ],
  ['where the configuration comes from', {configFrom: 'repository'}, 'restartService', ['configFrom']],
  [
    'several things: the greatest effect counts',
    {image: 'x', env: {A: '1'}, resources: {cpus: 1}},
    'recreate',
    ['image', 'env', 'resources.cpus'],
  ],
];

for (const [title, change, effect, paths] of rows) {
  test(`a change of ${title} has the effect ${effect}`, t => {
    const summary = changeEffect(workspaceSpec.parse(base), workspaceSpec.parse({...base, ...change}));
    t.is(summary.effect, effect);
    t.deepEqual(
      summary.changes.map(({path}) => path),
      [...paths],
    );
    t.true(summary.changes.every(({message}) => message.length > 0));
  });
}

test('how a spec is written makes no difference', t => {
  const one = workspaceSpec.parse({...base, env: {A: '1', B: '2'}, resources: {}});
  const other = workspaceSpec.parse({...base, env: {B: '2', A: '1'}});
  t.deepEqual(changeEffect(one, other), {effect: 'none', changes: []});
});
