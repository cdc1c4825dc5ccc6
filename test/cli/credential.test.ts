import {generateKeyPairSync} from 'node:crypto';
import {PassThrough} from 'node:stream';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {readSecret} from '../../cli/secret-input.ts';
import {startServer} from '../api/server/test-server.ts';
import {createBench} from './run-cli.ts';

const {privateKey} = generateKeyPairSync('ed25519', {
  privateKeyEncoding: {type: 'pkcs8', format: 'pem'},
  publicKeyEncoding: {type: 'spki', format: 'pem'},
});

test('a password for a git host is read from standard input, kept, and removed', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  const set = await bench.nexus(['user', 'set-credential', 'git.example.com'], {stdin: 's3cret\n'});
  t.is(set.code, 0, set.stderr);
  t.is(set.stdout, 'git.example.com: a password is kept for admin\n');
  t.false(`${set.stdout}${set.stderr}`.includes('s3cret'));
  t.deepEqual(
    (await server.client.users.listCredentials('me')).map(({host}) => host),
    ['git.example.com'],
  );
  const removal = await bench.nexus(['user', 'remove-credential', 'git.example.com']);
  t.is(removal.stdout, 'git.example.com: nothing is kept for admin any more\n');
  t.deepEqual(await server.client.users.listCredentials('me'), []);
  t.is((await bench.nexus(['user', 'remove-credential', 'git.example.com'])).code, 5);
});

test('an admin keeps one for somebody else, who alone is given it', async t => {
  await using server = await startServer();
  const {client} = await server.user('ada');
  await using bench = await createBench(server);
  const set = await bench.nexus(
    ['user', 'set-credential', 'git.example.com', '--user', 'ada', '--username', 'robot'],
    {stdin: 's3cret'},
  );
  t.is(set.stdout, 'git.example.com: a password is kept for ada\n');
  t.is((await client.users.listCredentials('me')).length, 1);
  t.deepEqual(await server.client.users.listCredentials('me'), []);
});

test('a private key is read from its file', async t => {
  await using server = await startServer();
  await using bench = await createBench(server);
  await bench.write('deploy', privateKey);
  const set = await bench.nexus(['user', 'set-credential', 'git.example.com', '--ssh-key', 'deploy']);
  t.is(set.stdout, 'git.example.com: an ssh key is kept for admin\n');
});

const refusals = [
  {name: 'nothing', args: ['host.example.com'], stdin: '', says: /no password/},
  {name: 'a host that is none', args: ['https://host.example.com'], stdin: 'x', says: /git server/},
  {name: 'a public key', args: ['host.example.com', '--ssh-key', 'key.pub'], stdin: '', says: /private key/},
  {
    name: 'a file that is not there',
    args: ['host.example.com', '--ssh-key', 'none'],
    stdin: '',
    says: /none/,
  },
  {
    name: 'a key with a passphrase',
    args: ['host.example.com', '--ssh-key', 'locked'],
    stdin: '',
    says: /passphrase/,
  },
  {
    name: 'a user name with a key',
    args: ['host.example.com', '--ssh-key', 'deploy', '--username', 'me'],
    stdin: '',
    says: /--username/,
  },
];

for (const {name, args, stdin, says} of refusals) {
  test(`as a credential ${name} is refused`, async t => {
    await using server = await startServer();
    await using bench = await createBench(server);
    await bench.write('key.pub', 'ssh-ed25519 AAAA me');
    await bench.write('deploy', privateKey);
    await bench.write('locked', privateKey.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'));
    const {code, stderr} = await bench.nexus(['user', 'set-credential', ...args], {stdin});
    t.is(code, 2, stderr);
    t.regex(stderr, says);
    t.deepEqual(await server.client.users.listCredentials('me'), []);
  });
}

test('what is typed at a terminal is not shown', async t => {
  const stdin = Object.assign(new PassThrough(), {isTTY: true});
  const stderr = new PassThrough();
  const asking = readSecret({stdin, stderr, signal: new AbortController().signal}, 'Password: ');
  stdin.write('s3cret\r');
  t.is(await asking, 's3cret');
  stderr.end();
  t.is(await text(stderr), 'Password: \n');
});

test('typing can be given up', async t => {
  const stdin = Object.assign(new PassThrough(), {isTTY: true});
  const asking = readSecret(
    {stdin, stderr: new PassThrough(), signal: new AbortController().signal},
    'Password: ',
  );
  stdin.write('s3c\u0003');
  t.like(await t.throwsAsync(asking), {name: 'CliError', reason: 'interrupted'});
});
