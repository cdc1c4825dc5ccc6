import test from 'ava';
import {gitFailure} from '../../../agent/guest/git-failure.ts';
import type {GuestFailureCode} from '../../../agent/guest/guest-error.ts';

const cases: {complaint: string; code: GuestFailureCode}[] = [
  {
    complaint: "remote: Repository not found.\nfatal: repository 'https://github.com/o/n.git/' not found",
    code: 'RepositoryNotFound',
  },
  {complaint: 'fatal: Remote branch topic not found in upstream origin', code: 'RepositoryNotFound'},
  {
    complaint: "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
    code: 'AuthenticationFailed',
  },
  {
    complaint:
      'git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.',
    code: 'AuthenticationFailed',
  },
  {complaint: "fatal: Authentication failed for 'https://github.com/o/n.git/'", code: 'AuthenticationFailed'},
  {
    complaint: "fatal: unable to access 'https://github.com/o/n.git/': Could not resolve host: github.com",
    code: 'NetworkUnreachable',
  },
  {
    complaint: 'fatal: unable to connect to git.example.com: Connection timed out',
    code: 'NetworkUnreachable',
  },
  {complaint: 'error: RPC failed; curl 56\nfatal: early EOF', code: 'NetworkUnreachable'},
  {complaint: 'fatal: write error: No space left on device', code: 'NoSpace'},
  {complaint: 'fatal: bad object HEAD', code: 'CommandFailed'},
];

for (const {complaint, code} of cases) {
  test(`${code}: ${complaint.split('\n').at(-1)}`, t => {
    t.is(gitFailure(complaint, 128, []).code, code);
  });
}

test('secrets are left out, as they are and within addresses', t => {
  const {message} = gitFailure('fatal: https://dev:hunter2@example.com said hunter2 and s3cret', 128, [
    's3cret',
    '',
  ]);
  t.is(message, 'fatal: https://example.com said hunter2 and •••');
});

test('a failure without words says the exit code', t => {
  t.is(gitFailure(' \n', 3, []).message, 'git ended with exit code 3');
});
