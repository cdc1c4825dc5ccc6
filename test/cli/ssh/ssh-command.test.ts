import {readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {runProgram} from '../../../cli/spawned.ts';
import {writeKnownHosts} from '../../../cli/ssh/known-hosts.ts';
import {shellWord, sshArguments} from '../../../cli/ssh/ssh-command.ts';
import {sshTarget} from '../../../cli/ssh/ssh-target.ts';
import {fresh, shop} from '../output/literals.ts';
import {createBench} from '../run-cli.ts';

test('the host key is pinned under the uid, and nothing of the user is read or written', async t => {
  await using bench = await createBench();
  const home = path.join(bench.home, 'a b');
  const args = await sshArguments(sshTarget(shop), {
    way: {kind: 'node', host: '127.0.0.1', port: 2222},
    home,
    identity: '/k',
    rest: ['ls'],
  });
  t.deepEqual(
    args.filter(arg => arg.includes('=')),
    [
      'IdentitiesOnly=yes',
      'HostKeyAlias=nexus-421538e0-d88c-4555-8cd4-a1904ba9af0f',
      `UserKnownHostsFile="${home}/known_hosts.d/421538e0-d88c-4555-8cd4-a1904ba9af0f"`,
      'GlobalKnownHostsFile=/dev/null',
      'StrictHostKeyChecking=yes',
      'UpdateHostKeys=no',
      'CheckHostIP=no',
      'ServerAliveInterval=15',
      'ServerAliveCountMax=4',
    ],
  );
  t.deepEqual(args.slice(0, 4), ['-p', '2222', '-i', '/k']);
  t.deepEqual(args.slice(-2), ['dev@127.0.0.1', 'ls']);
});

test('through the gateway, both host keys are pinned, and the name of the workspace is what is asked for', async t => {
  await using bench = await createBench();
  const gateway = {host: 'nexus.example.com', port: 2200, username: 'nexus', hostKey: 'ssh-ed25519 GGGG'};
  const args = await sshArguments(sshTarget(shop), {
    way: {kind: 'gateway', ...gateway},
    home: bench.home,
    identity: '/my keys/%d',
  });
  const proxy = args.find(arg => arg.startsWith('ProxyCommand=')) ?? '';
  t.regex(proxy, /^ProxyCommand=ssh -p 2200 -i '\/my keys\/%%d' .* -W shop:22 nexus@nexus\.example\.com$/);
  const pinned = path.join(bench.home, 'known_hosts.d/gateway');
  t.true(proxy.includes(`-o UserKnownHostsFile=${pinned}`));
  t.true(proxy.includes('-o StrictHostKeyChecking=yes'));
  t.is(await readFile(pinned, 'utf8'), 'nexus-gateway ssh-ed25519 GGGG\n');
  t.is(args.at(-1), 'dev@shop');
  t.true(args.includes('HostKeyAlias=nexus-421538e0-d88c-4555-8cd4-a1904ba9af0f'));
});

test('inside the API, the program that carries it is given the name of the workspace', async t => {
  await using bench = await createBench();
  const args = await sshArguments(sshTarget(shop), {
    way: {kind: 'stdio', command: ['/opt/node', '/opt/nexus.js', 'ssh', '--stdio']},
    home: bench.home,
  });
  t.true(args.includes('ProxyCommand=/opt/node /opt/nexus.js ssh --stdio shop'));
});

test('a workspace that has no host key yet is not connected to, and it is said what to wait for', t => {
  t.like(
    t.throws(() => sshTarget(fresh)),
    {
      name: 'CliError',
      hint: 'Wait for it: nexus wait workspace/fresh --for=condition=SshReady',
    },
  );
});

test('the pinned key is written for its owner only, and replaced when it is written again', async t => {
  await using bench = await createBench();
  const file = await writeKnownHosts(bench.home, 'uid-1', sshTarget(shop));
  t.is(await readFile(file, 'utf8'), 'nexus-421538e0-d88c-4555-8cd4-a1904ba9af0f ssh-ed25519 AAAAC3Nz\n');
  t.is((await stat(file)).mode & 0o777, 0o600);
  await writeKnownHosts(bench.home, 'uid-1', {...sshTarget(shop), hostKey: 'ssh-ed25519 BBBB'});
  t.regex(await readFile(file, 'utf8'), /BBBB\n$/);
});

test('any text is one word of a shell', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.string({unit: 'grapheme'}).filter(text => !text.includes('\0')),
        {minLength: 1, maxLength: 5},
      ),
      async words => {
        const line = `printf '%s\\0' ${words.map(shellWord).join(' ')}`;
        const {stdout} = await runProgram('sh', ['-c', line]);
        t.deepEqual(stdout.split('\0').slice(0, -1), words);
      },
    ),
    {numRuns: 30},
  );
});
