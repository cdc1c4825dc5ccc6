import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {declare, untilReady} from './workspaces.ts';

/** What the real command answers to input that is wrong: exit code, and what people read. */
const refusals = [
  {title: 'nothing at all', stdin: '', code: 2, says: /empty|no resource|nothing|holds no/i},
  {title: 'text that is no YAML', stdin: 'name: [unclosed', code: 2, says: /line \d+/},
  {title: 'an unknown field', stdin: 'name: a\nservces: {}\n', code: 2, says: /services/},
  {title: 'a name that is no label', stdin: 'name: Not_A_Label\n', code: 2, says: /name/},
  {
    title: 'services that wait for each other',
    stdin: 'name: a\nservices: {a: {command: x, dependsOn: [b]}, b: {command: x, dependsOn: [a]}}\n',
    code: 2,
    says: /cycle|each other|depends/i,
  },
  {
    title: '10 MB',
    stdin: `name: a\nsetup: ["${'x'.repeat(10 * 2 ** 20)}"]\n`,
    code: 2,
    says: /at most 1048576/,
  },
  {
    title: 'YAML 100,000 levels deep',
    stdin: `name: ${'['.repeat(100_000)}`,
    code: 2,
    says: /deep|nest|level/i,
  },
  {
    title: 'aliases that grow without end',
    stdin: `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((name, index) => {
        const before = 'abcdefgh'[index];
        return `${name}: &${name} [${Array.from({length: 9}, () => `*${before}`).join(',')}]`;
      })
      .join('\n')}\n`,
    code: 2,
    says: /alias|anchor/i,
  },
] as const;

onBackend(backends[0], ({socket, tarball}) => {
  let nexus: Installation;

  test.before(async () => {
    nexus = await createInstallation({socket, tarball});
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  for (const {title, stdin, code, says} of refusals) {
    test.serial(`apply refuses ${title}, and nothing is made of it`, async t => {
      const refused = await nexus.cliWith({stdin}, 'apply', '-f', '-');
      t.is(refused.code, code, refused.stderr.slice(0, 2000));
      t.regex(refused.stderr, says);
      t.regex(refused.stderr, /^error: /m);
      t.notRegex(refused.stderr, /^\s+at .*\.ts:\d+/m, 'no stack trace');
      t.deepEqual((await nexus.client().list('Workspace')).items, []);
    });
  }

  test.serial('a wrong token is refused, and so is none', async t => {
    const wrong = await nexus.cliWith({env: {NEXUS_TOKEN: 'nexus_wrong'}}, 'get', 'workspaces');
    t.is(wrong.code, 4);
    t.regex(wrong.stderr, /token/i);
    const response = await fetch(`${nexus.server().url}/api/v1/workspaces`);
    t.is(response.status, 401);
  });

  test.serial(
    'what is not there, a command that is none, and a server that is not there have codes of their own',
    async t => {
      t.is((await nexus.cli('get', 'workspace', 'nobody')).code, 5);
      t.is((await nexus.cli('exec', 'nobody', '--', 'true')).code, 5);
      t.is((await nexus.cli('aply')).code, 2);
      const away = await nexus.cliWith({env: {NEXUS_SERVER: 'http://127.0.0.1:9'}}, 'get', 'workspaces');
      t.is(away.code, 7);
      t.regex(away.stderr, /127\.0\.0\.1:9/);
      t.is((await nexus.cli('wait', 'node/local', '--for=condition=Never', '--timeout', '100ms')).code, 6);
    },
  );

  test.serial('somebody else neither sees nor touches a workspace that is not theirs', async t => {
    await declare(nexus.client(), 'mine');
    const {uid} = (await untilReady(nexus, 'mine')).metadata;
    const added = await nexus.cli('user', 'add', 'eve');
    t.is(added.code, 0, added.stderr);
    const token = /\bnexus?_?[A-Za-z0-9_-]{20,}\b|\b[A-Za-z0-9_-]{40,}\b/.exec(added.stdout)?.[0] ?? '';
    t.not(token, '', added.stdout);
    const asEve = (...args: readonly string[]) => nexus.cliWith({env: {NEXUS_TOKEN: token}}, ...args);
    t.is((await asEve('get', 'workspaces', '-o', 'name')).stdout, '');
    for (const words of [
      ['get', 'workspace', 'mine'],
      ['exec', 'mine', '--', 'true'],
      ['delete', 'workspace', 'mine', '--force'],
      ['workspace', 'stop', 'mine'],
    ]) {
      t.is((await asEve(...words)).code, 5, words.join(' '));
    }

    t.is((await untilReady(nexus, 'mine')).metadata.uid, uid);
    t.is((await nexus.cli('delete', 'workspace', 'mine', '--force')).code, 0);
  });
});
