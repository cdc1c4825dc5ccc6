import test from 'ava';
import fc from 'fast-check';
import {startOrder} from '../../../api/v1alpha1/service-graph.ts';
import {workspaceSpec} from '../../../api/v1alpha1/workspace.ts';

function issuesOf(services: readonly object[]): string[] {
  const {error} = workspaceSpec.safeParse({owner: 'alice', services});
  return (error?.issues ?? []).map(({path, message}) => `${path.join('.')}: ${message}`);
}

const command = 'sleep 1';

test('services that depend on each other in a line are accepted', t => {
  t.deepEqual(
    issuesOf([
      {name: 'db', command, port: 5432},
      {name: 'api', command, port: 4000, dependsOn: ['db']},
    ]),
    [],
  );
});

test('a cycle is refused and spelled out', t => {
  t.deepEqual(
    issuesOf([
      {name: 'a', command, dependsOn: ['b']},
      {name: 'b', command, dependsOn: ['c']},
      {name: 'c', command, dependsOn: ['a']},
    ]),
    ['services.0.dependsOn: makes a cycle: a → b → c → a'],
  );
});

test('a service that depends on itself is a cycle', t => {
  t.deepEqual(issuesOf([{name: 'a', command, dependsOn: ['a']}]), [
    'services.0.dependsOn: makes a cycle: a → a',
  ]);
});

test('an unknown dependency is refused and the known ones are named', t => {
  t.deepEqual(issuesOf([{name: 'api', command, dependsOn: ['bd']}]), [
    'services.0.dependsOn.0: names no service: bd (there are: api)',
  ]);
});

test('a name and a port can be used once', t => {
  t.deepEqual(
    issuesOf([
      {name: 'a', command, port: 3000},
      {name: 'a', command, port: 3000},
    ]),
    ['services.1.name: is used twice: a', 'services.1.port: 3000 is already the port of a'],
  );
});

for (const port of [0, 70_000, -1, 3.5]) {
  test(`port ${port} is refused`, t => {
    t.regex(issuesOf([{name: 'a', command, port}])[0] ?? '', /^services\.0\.port: must be/);
  });
}

test("port 22 is refused because it is the workspace's own sshd", t => {
  t.deepEqual(issuesOf([{name: 'a', command, port: 22}]), [
    "services.0.port: 22 is the workspace's own sshd",
  ]);
});

test('an http check without any port says where to give one', t => {
  t.deepEqual(issuesOf([{name: 'a', command, healthCheck: {http: '/'}}]), [
    'services.0.healthCheck.http: needs a port: give the service one, or healthCheck.port',
  ]);
});

test('two kinds of health check at once are refused', t => {
  t.deepEqual(issuesOf([{name: 'a', command, port: 80, healthCheck: {http: '/', tcp: 80}}]), [
    'services.0.healthCheck: must be one of http, tcp, command and process',
  ]);
});

test('in every graph without cycles each service starts after all that it depends on', t => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(20), {maxLength: 4}), {maxLength: 15}), edges => {
      const services = edges.map((targets, index) => ({
        name: `s${index}`,
        dependsOn: targets.filter(target => target < index).map(target => `s${target}`),
      }));
      const order = startOrder([...services].reverse());
      t.is(order.length, services.length);
      for (const {name, dependsOn} of services) {
        for (const dependency of dependsOn) {
          t.true(order.indexOf(dependency) < order.indexOf(name));
        }
      }
    }),
  );
});
