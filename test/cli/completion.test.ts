import test from 'ava';
import {runProgram} from '../../cli/spawned.ts';
import {startServer, workspaceNamed} from '../api/server/test-server.ts';
import {createBench} from './run-cli.ts';

const cases: readonly (readonly [string[], readonly string[]])[] = [
  [['des'], ['describe']],
  [
    ['get', 'us'],
    ['users', 'user/'],
  ],
  [['get', 'ws', ''], ['shop']],
  [['describe', 'workspace/s'], ['workspace/shop']],
  [['logs', ''], ['shop']],
  [
    ['workspace', 'st'],
    ['status', 'start', 'stop'],
  ],
  [['workspace', 'stop', 's'], ['shop']],
  [['ws', 'stop', ''], ['shop']],
  [['node', 'cordon', ''], ['box']],
  [['node', 'add', ''], []],
  [['apply', '--d'], ['--dry-run']],
  [['store', 'm'], ['migrate']],
  [['store', 'migrate', '--to', 'k'], ['kubernetes']],
  [['completion', ''], []],
  [
    ['logs', 'shop', ''],
    ['api', 'web'],
  ],
  [['logs', 'shop/w'], ['shop/web']],
  [['logs', '--tail', '3', 'shop', 'a'], ['api']],
  [['logs', 'nothing', ''], []],
  [['ws', 'restart', 'shop', 'w'], ['web']],
  [['logs', 'shop', 'api', ''], []],
  [
    ['get', 'ws', '-o', 'j'],
    ['json', 'jsonpath='],
  ],
  [
    ['ws', 'services', 'shop', '--output', ''],
    ['table', 'json', 'yaml'],
  ],
  [['get', '-o', 'json', 'ws', ''], ['shop']],
];

const services = [
  {name: 'api', command: 'x'},
  {name: 'web', command: 'y'},
];

test('commands, options, kinds and names are completed', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await server.client.create('Workspace', workspaceNamed('shop', {services}));
  await bench.nexus(['apply', '-f', '-'], {
    stdin: 'apiVersion: nexus.dev/v1alpha1\nkind: Node\nmetadata: {name: box}\n',
  });
  for (const [words, expected] of cases) {
    const {code, stdout} = await bench.nexus(['complete', '--', ...words]);
    t.is(code, 0);
    t.deepEqual(stdout.split('\n').slice(0, -1), [...expected], words.join(' '));
  }
});

test('a server that is not there completes nothing and says nothing', async t => {
  await using bench = await createBench({url: 'http://127.0.0.1:9', adminToken: 'x'});
  t.deepEqual(await bench.nexus(['complete', '--', 'logs', '']), {code: 0, stdout: '', stderr: ''});
});

test("the bash script is one, and puts what it is told into bash's answer", async t => {
  await using bench = await createBench();
  const {stdout: script} = await bench.nexus(['completion', 'bash']);
  const {stdout, stderr} = await runProgram('bash', [
    '-c',
    `nexus() { printf 'alpha\\nbeta\\n'; }; compopt() { :; }\n${script}\nCOMP_WORDS=(nexus get ws ''); COMP_CWORD=3; _nexus; printf '%s,' "\${COMPREPLY[@]}"`,
  ]);
  t.is(stdout, 'alpha,beta,', stderr);
});

test('there are scripts for zsh and fish, and none for other shells', async t => {
  await using bench = await createBench();
  t.regex((await bench.nexus(['completion', 'zsh'])).stdout, /^#compdef nexus/);
  t.regex((await bench.nexus(['completion', 'fish'])).stdout, /complete --command nexus/);
  t.is((await bench.nexus(['completion', 'tcsh'])).code, 2);
});
