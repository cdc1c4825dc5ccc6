import test from 'ava';
import fc from 'fast-check';
import {parseConfigFile, splitPath} from '../../../api/v1alpha1/config-file.ts';
import {formatPath} from '../../../api/v1alpha1/validate-issues.ts';

const example = `name: my-project
provider: lxc
image: nexus/base
resources: {cpus: 2, memory: 4GiB, disk: 20GiB}
setup: [npm ci]
services:
  db:  {command: "postgres -D data", port: 5432, healthCheck: {tcp: 5432}}
  api: {command: "npm run server", port: 4000, dependsOn: [db], healthCheck: {http: /healthz, interval: 5s, timeout: 2s}}
  web: {command: "npm run dev", port: 3000, dependsOn: [api], restart: on-failure, env: {API_URL: "http://localhost:4000"}}
`;

test('the documented example is read, with services in their order and defaults filled in', t => {
  const result = parseConfigFile(example);
  t.true(result.ok);
  if (result.ok) {
    t.is(result.config.name, 'my-project');
    t.deepEqual(
      result.config.services.map(({name}) => name),
      ['db', 'api', 'web'],
    );
    t.is(result.config.services[0]?.restart, 'always');
    t.is(result.config.services[1]?.healthCheck?.retries, 3);
    t.is(result.config.running, undefined);
  }
});

test('values of environment variables are the text that was written', t => {
  const result = parseConfigFile(
    'env: {A: 1.10, B: true, C: 0x1F}\nservices: {web: {command: x, env: {PORT: 3000}}}',
  );
  t.true(result.ok);
  if (result.ok) {
    t.deepEqual(result.config.env, {A: '1.10', B: 'true', C: '0x1F'});
    t.deepEqual(result.config.services[0]?.env, {PORT: '3000'});
  }
});

test('a field that is left empty is as good as absent', t => {
  const result = parseConfigFile('name: x\nservices:\nsetup:\n');
  t.true(result.ok);
});

type Case = {
  readonly title: string;
  readonly text: string;
  readonly path: string;
  readonly message: RegExp;
  readonly line: number | undefined;
};

const refused: readonly Case[] = [
  {
    title: 'a misspelt field names the one that was meant',
    text: 'name: x\nservces: {}\n',
    path: 'servces',
    message: /did you mean services\?/,
    line: 2,
  },
  {
    title: 'a misspelt field of a service names the one that was meant',
    text: 'services:\n  web:\n    command: x\n    helthCheck: {tcp: 1}\n',
    path: 'services.web.helthCheck',
    message: /did you mean healthCheck\?/,
    line: 4,
  },
  {
    title: 'an unknown dependency',
    text: 'services:\n  web: {command: x,\n    dependsOn: [api]}\n',
    path: 'services.web.dependsOn[0]',
    message: /names no service: api/,
    line: 3,
  },
  {
    title: 'a cycle',
    text: 'services:\n  a: {command: x, dependsOn: [b]}\n  b: {command: x, dependsOn: [a]}\n',
    path: 'services.a.dependsOn',
    message: /cycle: a → b → a/,
    line: 2,
  },
  {
    title: 'a port out of range',
    text: 'services: {a: {command: x, port: 70000}}',
    path: 'services.a.port',
    message: /65535/,
    line: 1,
  },
  {
    title: "sshd's port",
    text: 'services: {a: {command: x, port: 22}}',
    path: 'services.a.port',
    message: /sshd/,
    line: 1,
  },
  {
    title: 'one port twice',
    text: 'services:\n  a: {command: x, port: 80}\n  b: {command: x, port: 80}\n',
    path: 'services.b.port',
    message: /already the port of a/,
    line: 3,
  },
  {title: 'a name that is no name', text: 'name: "../x"', path: 'name', message: /lower case/, line: 1},
  {
    title: 'a service name that is no name',
    text: 'services:\n  $(id): {command: x}',
    path: 'services["$(id)"]',
    message: /lower case/,
    line: 2,
  },
  {title: 'a key given twice', text: 'name: a\nname: b', path: '', message: /twice/, line: 2},
  {title: 'text that is no YAML', text: 'name: [', path: '', message: /./, line: 1},
  {title: 'a list', text: '- a', path: '', message: /mapping/, line: 1},
  {title: 'an empty text', text: '# nothing\n', path: '', message: /empty/, line: undefined},
  {title: 'several documents', text: 'name: a\n---\nname: b', path: '', message: /several/, line: undefined},
  {title: 'an unknown tag', text: 'name: !!js/function x', path: '', message: /tag/i, line: 1},
  {title: 'deep brackets', text: '['.repeat(100_000), path: '', message: /nested/, line: undefined},
  {title: 'deep question marks', text: '? '.repeat(100_000), path: '', message: /nested/, line: undefined},
  {
    title: 'deep dashes over lines',
    text: Array.from({length: 200}, (_, depth) => `${' '.repeat(depth)}-`).join('\n'),
    path: '',
    message: /nested/,
    line: undefined,
  },
  {title: 'ten megabytes', text: 'a'.repeat(10_000_000), path: '', message: /at most/, line: undefined},
  {
    title: 'aliases that multiply',
    text: Array.from(
      {length: 30},
      (_, depth) => `a${depth}: &a${depth} [${depth === 0 ? 'x' : `*a${depth - 1},`.repeat(10)}]`,
    ).join('\n'),
    path: '',
    message: /alias/i,
    line: undefined,
  },
];

for (const {title, text, path, message, line} of refused) {
  test(`refused, with its place: ${title}`, t => {
    const result = parseConfigFile(text);
    t.false(result.ok);
    if (!result.ok) {
      const [issue] = result.issues;
      t.is(issue?.path, path);
      t.regex(issue?.message ?? '', message);
      t.is(issue?.line, line);
    }
  });
}

test('all that is wrong is told at once', t => {
  const result = parseConfigFile('name: X\nprovider: lcx\nservices: {a: {port: 0}}\n');
  t.deepEqual(result.ok ? [] : result.issues.map(({path}) => path).sort(), [
    'name',
    'provider',
    'services.a.command',
    'services.a.port',
  ]);
});

test('60,000 different keys are refused, with the first of them', t => {
  const text = Array.from({length: 60_000}, (_, index) => `k${index}: 1`).join('\n');
  const result = parseConfigFile(text);
  t.deepEqual(
    result.ok ? undefined : result.issues.map(({path}) => path),
    Array.from({length: 20}, (_, index) => `k${index}`),
  );
});

/** How often functions were called back by arrays while this ran: comparisons, whoever makes them. It must not wait for anything. */
function callbacksOf(run: () => void): number {
  let count = 0;
  const methods = ['every', 'filter', 'find', 'findIndex', 'flatMap', 'forEach', 'map', 'reduce', 'some'];
  const originals = methods.map(
    name => [name, Object.getOwnPropertyDescriptor(Array.prototype, name)] as const,
  );
  for (const [name, original] of originals) {
    Object.defineProperty(Array.prototype, name, {
      ...original,
      value(this: unknown, callback: (...args: unknown[]) => unknown, ...rest: unknown[]) {
        const counted = (...args: unknown[]) => {
          count += 1;
          return callback(...args);
        };
        return original?.value.call(this, counted, ...rest);
      },
    });
  }

  try {
    run();
  } finally {
    for (const [name, original] of originals) {
      Object.defineProperty(Array.prototype, name, original ?? {});
    }
  }

  return count;
}

test('twice the keys cost twice the comparisons, not four times', t => {
  const comparisons = (keys: number) => {
    const text = Array.from({length: keys}, (_, index) => `k${index}: 1`).join('\n');
    return callbacksOf(() => parseConfigFile(text));
  };
  const [once, twice] = [comparisons(2000), comparisons(4000)];
  t.true(once >= 2000);
  t.true(twice <= 2.1 * once, `${once} comparisons for 2000 keys, ${twice} for 4000`);
});

test('no text makes it throw', t => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.string({unit: 'binary'})), text => {
      parseConfigFile(text);
    }),
  );
  t.pass();
});

test('a path is split into the parts it was made of', t => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(), fc.string({minLength: 1}))), parts => {
      t.deepEqual(splitPath(formatPath(parts)), parts);
    }),
  );
});
