import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {processStart} from '../../cli/process-start.ts';
import {addressUrl, findToken, serverAddress} from '../../cli/server-address.ts';
import {parseSettings} from '../../cli/settings.ts';
import {createBench} from './run-cli.ts';

const record = (process: object) => JSON.stringify({url: 'http://127.0.0.1:4001', ...process});

const read = (text: string) => parseSettings(text, 'config.yaml');

test('an empty file has the defaults', t => {
  t.deepEqual(read(''), {version: 1, server_port: 3001});
});

test('a file of version 0, without a version and in camel case, is read as what it meant', t => {
  t.deepEqual(read('server: nexus.example.com\nserverPort: 4000\nsshKey: ~/.ssh/id_ed25519'), {
    version: 1,
    server: 'nexus.example.com',
    server_port: 4000,
    ssh_key: '~/.ssh/id_ed25519',
  });
});

for (const [text, expected] of [
  ['version: 1\nserver_prot: 1', 'server_prot: unknown field; did you mean server_port?'],
  ['version: 1\neditor: emacs', 'editor: must be one of cursor, code, vim, ssh, not "emacs"'],
  ['version: 1\nserver_port: 70000', 'server_port: must be at most 65535'],
  ['version: 2', 'version: must be 1, not 2'],
  ['- x', ': must be a mapping of fields, not a list'],
  ['a: [', 'line 1: '],
] as const) {
  test(`refused, with the cure: ${JSON.stringify(text)}`, t => {
    const error = t.throws(() => read(text), {name: 'CliError'});
    const details: unknown = Object.entries(error).find(([key]) => key === 'details')?.[1];
    t.true(Array.isArray(details) && String(details[0]).startsWith(expected), String(details));
  });
}

const addresses: readonly (readonly [string, string])[] = [
  ['nexus.example.com', 'https://nexus.example.com:3001'],
  ['10.0.0.5:4000', 'https://10.0.0.5:4000'],
  ['localhost', 'http://localhost:3001'],
  ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ['[::1]', 'http://[::1]:3001'],
  ['http://nexus.example.com/', 'http://nexus.example.com'],
  ['https://nexus.example.com/prefix/', 'https://nexus.example.com/prefix'],
];

for (const [given, url] of addresses) {
  test(`the server "${given}" is at ${url}`, t => {
    t.is(addressUrl(given, 3001), url);
  });
}

test('what is no address is refused', t => {
  t.throws(() => addressUrl('a b', 3001), {name: 'CliError'});
});

test("the environment comes before the settings, these before the home's own server", async t => {
  await using bench = await createBench();
  const {home} = bench;
  await mkdir(home);
  t.deepEqual(await serverAddress({home, env: {}}), {url: 'http://127.0.0.1:3001', own: false});
  await writeFile(path.join(home, 'server.json'), record({pid: process.pid}));
  t.deepEqual(await serverAddress({home, env: {}}), {url: 'http://127.0.0.1:4001', own: true});
  await writeFile(path.join(home, 'config.yaml'), 'version: 1\nserver: nexus.example.com');
  t.deepEqual(await serverAddress({home, env: {}}), {url: 'https://nexus.example.com:3001', own: false});
  t.deepEqual(await serverAddress({home, env: {NEXUS_SERVER: 'http://127.0.0.1:4001'}}), {
    url: 'http://127.0.0.1:4001',
    own: true,
  });
});

test('a home whose server has ended remembers its port, and takes nobody there for its own', async t => {
  await using bench = await createBench();
  const {home} = bench;
  await mkdir(home);
  await writeFile(path.join(home, 'server.port'), '4001\n');
  const ended = {url: 'http://127.0.0.1:4001', own: false};
  t.deepEqual(await serverAddress({home, env: {}}), ended);
  t.deepEqual(await serverAddress({home, env: {NEXUS_SERVER: 'http://127.0.0.1:4001'}}), ended);
  await writeFile(path.join(home, 'server.port'), 'x');
  t.deepEqual(await serverAddress({home, env: {}}), {url: 'http://127.0.0.1:3001', own: false});
});

test('the record of a server that was killed says nothing, though its process id was given out again', async t => {
  await using bench = await createBench();
  const {home} = bench;
  await mkdir(home);
  const gone = {url: 'http://127.0.0.1:3001', own: false};
  await writeFile(path.join(home, 'server.json'), record({pid: 2 ** 30}));
  t.deepEqual(await serverAddress({home, env: {}}), gone);
  await writeFile(path.join(home, 'server.json'), record({pid: process.pid, started: '1'}));
  t.deepEqual(await serverAddress({home, env: {}}), gone);
  const started = await processStart(process.pid);
  await writeFile(path.join(home, 'server.json'), record({pid: process.pid, ...(started && {started})}));
  t.true((await serverAddress({home, env: {}})).own);
});

test("the admin's token is shown to this home's own server only", async t => {
  await using bench = await createBench();
  const {home} = bench;
  await mkdir(home);
  await writeFile(path.join(home, 'admin-token'), 'nexus_admin\n');
  t.is(await findToken({home, env: {}}, {own: true}), 'nexus_admin');
  t.is(await findToken({home, env: {}}, {own: false}), undefined);
  await writeFile(path.join(home, 'token'), 'nexus_mine\n');
  t.is(await findToken({home, env: {}}, {own: false}), 'nexus_mine');
  t.is(await findToken({home, env: {NEXUS_TOKEN: 'nexus_given'}}, {own: true}), 'nexus_given');
});
