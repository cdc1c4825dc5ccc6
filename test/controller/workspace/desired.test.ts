import test from 'ava';
import type {DesiredOptions} from '../../../controller/workspace/desired.ts';
import {desiredOf} from '../../../controller/workspace/desired.ts';
import {owner, publicKey, workspaceOf} from './fixtures.ts';

const options: DesiredOptions = {
  owner,
  facts: undefined,
  readConfiguration: ({files}) =>
    files.includes('bad')
      ? {problem: 'services: must be a map'}
      : {setup: ['make'], services: [], env: {FROM: 'clone', BOTH: 'clone'}},
};
const fromClone = workspaceOf({configFrom: 'repository', env: {BOTH: 'spec'}});

test('an instance is described in full by the spec and the keys of its owner', t => {
  const {instance} = desiredOf(workspaceOf({resources: {cpus: 1, memory: '1GiB', disk: '2GB'}}), options);
  t.like(instance, {
    name: 'shop',
    provider: 'lxc',
    image: 'nexus/base',
    limits: {cpus: 1, memory: 2 ** 30, disk: 2e9},
    authorizedKeys: [publicKey],
  });
});

test('only provider and image make up the hash that calls for a new instance', t => {
  const hashOf = (spec: object) => desiredOf(workspaceOf(spec), options).instance.specHash;
  const base = hashOf({});
  for (const spec of [
    {env: {A: '1'}},
    {setup: []},
    {services: []},
    {resources: {cpus: 1}},
    {running: false},
  ]) {
    t.is(hashOf(spec), base);
  }

  t.not(hashOf({image: 'ubuntu:22.04'}), base);
  t.not(hashOf({provider: 'docker'}), base);
});

test('services hash the same however they were written, and differ when anything in them does', t => {
  const hashOf = (spec: object) => {
    const {configuration} = desiredOf(workspaceOf(spec), options);
    return configuration.state === 'Known' ? configuration.servicesHash : undefined;
  };
  const service = {name: 'web', command: 'x', env: {A: '1', B: '2'}};
  const base = hashOf({services: [service]});
  t.is(hashOf({services: [{env: {B: '2', A: '1'}, command: 'x', name: 'web'}]}), base);
  t.not(hashOf({services: [{...service, restart: 'never'}]}), base);
  t.not(hashOf({services: [service], env: {C: '3'}}), base);
});

test('ports are asked for ssh first, then for services, lowest first', t => {
  const services = [
    {name: 'api', command: 'x', port: 4000},
    {name: 'worker', command: 'x'},
    {name: 'web', command: 'x', port: 3000},
    {name: 'ssh', command: 'x', port: 5000},
  ];
  t.deepEqual(desiredOf(workspaceOf({services}), options).ports, [
    {name: 'ssh', targetPort: 22},
    {name: 'web', targetPort: 3000},
    {name: 'api', targetPort: 4000},
    {name: 'service/ssh', targetPort: 5000},
  ]);
});

test('a configuration in the clone is pending until the clone was read', t => {
  const {configuration, ports} = desiredOf(fromClone, options);
  t.deepEqual(configuration, {state: 'Pending'});
  t.is(ports.length, 1);
});

test('a configuration in the clone is taken from it, and spec.env wins', t => {
  const {configuration} = desiredOf(fromClone, {...options, facts: {files: []}});
  t.like(configuration, {state: 'Known', setup: {commands: ['make']}, env: {FROM: 'clone', BOTH: 'spec'}});
});

test('a configuration in the clone that is not valid is said', t => {
  const {configuration} = desiredOf(fromClone, {...options, facts: {files: ['bad']}});
  t.deepEqual(configuration, {state: 'Invalid', problem: 'services: must be a map'});
});

test('without a repository there is nothing to read a configuration from', t => {
  const {configuration} = desiredOf(workspaceOf({configFrom: 'repository', repo: undefined}), options);
  t.is(configuration.state, 'Known');
});

test('keys of an owner that is not known are not wanted gone', t => {
  const {authorizedKeys, instance} = desiredOf(workspaceOf(), {...options, owner: undefined});
  t.is(authorizedKeys, undefined);
  t.deepEqual(instance.authorizedKeys, []);
});
