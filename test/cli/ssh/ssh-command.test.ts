import {readFile, stat} from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import {runProgram} from '../../../cli/spawned.ts';
import {shellWord, sshArguments, sshTarget, writeKnownHosts} from '../../../cli/ssh/ssh-command.ts';
import {fresh, shop} from '../output/literals.ts';
import {createBench} from '../run-cli.ts';

test('the host key is pinned under the uid, and nothing of the user is read or written', t => {
  const args = sshArguments(sshTarget(shop), {knownHosts: '/home/a b/known', identity: '/k', rest: ['ls']});
  t.deepEqual(
    args.filter(arg => arg.includes('=')),
    [
      'IdentitiesOnly=yes',
      'HostKeyAlias=nexus-421538e0-d88c-4555-8cd4-a1904ba9af0f',
      'UserKnownHostsFile="/home/a b/known"',
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
