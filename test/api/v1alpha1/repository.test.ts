import test from 'ava';
import {repository} from '../../../api/v1alpha1/repository.ts';

const accepted = [
  'https://github.com/owner/name.git',
  'https://git.example.com:8443/group/sub/name',
  'http://localhost:3000/x',
  'ssh://git@example.com:2222/srv/repo.git',
  'git://example.com/repo',
  'git@github.com:owner/name.git',
  'https://example.com/~user/repo.git',
];

const refused = [
  '--upload-pack=touch /tmp/x',
  '-oProxyCommand=x',
  'ext::sh -c touch% /tmp/x',
  'file:///etc',
  '/srv/repo',
  '../repo',
  'https://user:password@github.com/owner/name.git',
  'https://-oProxyCommand=x/y',
  'ssh://-oProxyCommand=x/y',
  'git@-host:path',
  'git@host:-path',
  'https://example.com/a b',
  'https://example.com/a\nb',
  'https://example.com/$(id)',
  'https://example.com/`id`',
  '',
];

for (const url of accepted) {
  test(`the repository address ${url} is accepted`, t => {
    t.true(repository.safeParse({name: 'x', url}).success);
  });
}

for (const url of refused) {
  test(`the repository address ${JSON.stringify(url)} is refused with an example of a good one`, t => {
    const {error} = repository.safeParse({name: 'x', url});
    t.regex(error?.issues[0]?.message ?? '', /must be a repository address/);
    t.deepEqual(error?.issues[0]?.path, ['url']);
  });
}

for (const branch of [
  '-b',
  '..',
  'a..b',
  'a/.b',
  'x.lock',
  'a b',
  'a~1',
  'a^',
  'a:b',
  '/a',
  'a/',
  'a.',
  '@{u}x@{',
  '$(id)',
  '',
]) {
  test(`the branch ${JSON.stringify(branch)} is refused`, t => {
    const {error} = repository.safeParse({name: 'x', url: 'https://example.com/x', branch});
    t.deepEqual(error?.issues[0]?.path, ['branch']);
  });
}

for (const branch of ['main', 'feature/a-b_c.d', 'v1.0', 'user@topic', '#12']) {
  test(`the branch ${branch} is accepted`, t => {
    t.true(repository.safeParse({name: 'x', url: 'https://example.com/x', branch}).success);
  });
}

for (const name of ['.', '..', '.git', '-x', 'a/b', '', 'a b', '$(id)']) {
  test(`the folder ${JSON.stringify(name)} is refused`, t => {
    const {error} = repository.safeParse({name, url: 'https://example.com/x'});
    t.deepEqual(error?.issues[0]?.path, ['name']);
  });
}

test('a repository needs an address or uploaded commits', t => {
  const {error} = repository.safeParse({name: 'x'});
  t.regex(error?.issues[0]?.message ?? '', /url.*bundle/);
  t.true(repository.safeParse({name: 'x', bundle: {digest: 'a'.repeat(64), commit: 'b'.repeat(40)}}).success);
});
