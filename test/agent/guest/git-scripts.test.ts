import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {parseFacts, parseInspection} from '../../../agent/guest/git-facts.ts';
import {gitFailure} from '../../../agent/guest/git-failure.ts';
import {scripts} from '../../../agent/guest/scripts.ts';

const identity = ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false'];

/** A home of its own for scripts that run as dev inside a workspace, and a source repository beside it. */
function makeHome() {
  const root = mkdtempSync(join(tmpdir(), 'nexus-git-'));
  const home = join(root, 'home');
  const source = join(root, 'source');
  mkdirSync(home);
  mkdirSync(source);
  const git = (folder: string, ...args: string[]) =>
    execFileSync('git', ['-C', folder, ...identity, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const commit = (folder: string, file: string, text = file) => {
    writeFileSync(join(folder, file), text);
    git(folder, 'add', '-A');
    git(folder, 'commit', '-qm', `add ${file}`);
    return git(folder, 'rev-parse', 'HEAD');
  };
  const bundle = () => {
    const file = join(root, 'source.bundle');
    git(source, 'bundle', 'create', '-q', file, 'main', 'HEAD');
    return readFileSync(file);
  };
  const run = (
    script: keyof typeof scripts,
    args: readonly string[],
    input: string | Uint8Array = '',
    env: Readonly<Record<string, string>> = {},
  ) => {
    const {status, stdout, stderr} = spawnSync('/bin/bash', ['-c', scripts[script], 'nexus', ...args], {
      input,
      encoding: 'utf8',
      env: {PATH: process.env.PATH, HOME: home, ...env},
    });
    return {status, stdout, stderr};
  };
  git(source, 'init', '-q', '-b', 'main');
  return {
    root,
    home,
    source,
    git,
    commit,
    bundle,
    run,
    inspect: (...saved: string[]) => parseInspection(run('inspect', ['app', ...saved]).stdout),
    inspectWith: (env: Readonly<Record<string, string>>, ...saved: string[]) =>
      parseInspection(run('inspect', ['app', ...saved], '', env).stdout),
    [Symbol.dispose]: () => rmSync(root, {recursive: true, force: true}),
  };
}

test('clones a bundle, tells what is in it, and leaves no bundle and no remote behind', t => {
  using place = makeHome();
  mkdirSync(join(place.source, '.nexus'));
  writeFileSync(join(place.source, '.nexus/config.yaml'), 'name: app\n');
  const tip = place.commit(place.source, 'package.json', '{}');
  const {status, stdout} = place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle());

  t.is(status, 0);
  t.deepEqual(parseFacts(stdout), {
    commit: tip,
    branch: 'main',
    unsaved: false,
    configuration: {files: ['.git', '.nexus', 'package.json'], nexusConfig: 'name: app\n', packageJson: '{}'},
  });
  t.deepEqual(readdirSync(place.home), ['app']);
  t.is(place.git(join(place.home, 'app'), 'remote'), '');
});

test('a clone from a bundle of a repository that has an address gets that address as origin', t => {
  using place = makeHome();
  const tip = place.commit(place.source, 'a');
  const url = 'https://example.com/owner/app.git';
  t.is(place.run('clone', ['app', url, 'main', tip, 'none'], place.bundle()).status, 0);
  t.is(place.git(join(place.home, 'app'), 'remote', 'get-url', 'origin'), url);
});

test('cloning again takes over the clone of the same repository as it is, and says nothing of its work', t => {
  using place = makeHome();
  const tip = place.commit(place.source, 'a');
  place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle());
  writeFileSync(join(place.home, 'app/new'), 'work');

  const {status, stdout} = place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle());
  t.is(status, 0);
  t.is(parseFacts(stdout).unsaved, undefined);
  t.is(readFileSync(join(place.home, 'app/new'), 'utf8'), 'work');
});

test('refuses to clone over something else, and leaves it alone', t => {
  using place = makeHome();
  const tip = place.commit(place.source, 'a');
  mkdirSync(join(place.home, 'app'));
  writeFileSync(join(place.home, 'app/thesis'), 'work');

  const {status, stderr} = place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle());
  t.is(status, 17);
  t.regex(gitFailure(stderr, 17, []).message, /holds something else/);
  t.deepEqual(readdirSync(join(place.home, 'app')), ['thesis']);
});

test('a bundle that is cut short fails and leaves nothing that looks like a clone', t => {
  using place = makeHome();
  const tip = place.commit(place.source, 'a');
  const {status} = place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle().subarray(0, 100));
  t.is(status, 1);
  t.deepEqual(readdirSync(place.home), []);
});

test('what an interrupted clone left is cleared away by the next', t => {
  using place = makeHome();
  mkdirSync(join(place.home, '.nexus-clone.abcdef'));
  const tip = place.commit(place.source, 'a');
  place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle());
  t.deepEqual(readdirSync(place.home), ['app']);
});

test('addresses that read local files or run commands are refused', t => {
  using place = makeHome();
  place.commit(place.source, 'a');
  for (const url of [place.source, `file://${place.source}`, 'ext::sh -c touch% owned']) {
    const {status} = place.run('clone', ['app', url, '', '', 'none']);
    t.is(status, 1, url);
  }
  t.deepEqual(readdirSync(place.home), []);
});

test('words of users that look like options or commands stay words', t => {
  using place = makeHome();
  const tip = place.commit(place.source, 'a');
  t.is(place.run('clone', ['app', '--upload-pack=touch owned', '', '', 'none']).status, 1);
  t.is(place.run('clone', ['app', '', '$(touch owned)', tip, 'none'], place.bundle()).status, 1);
  t.deepEqual(readdirSync(place.home), []);
});

test('an address where nothing answers is a network failure', t => {
  using place = makeHome();
  const {status, stderr} = place.run('clone', ['app', 'http://127.0.0.1:1/owner/app.git', '', '', 'none']);
  t.is(gitFailure(stderr, status ?? 0, []).code, 'NetworkUnreachable');
});

test('new commits of a bundle are merged by fast-forward', t => {
  using place = makeHome();
  const first = place.commit(place.source, 'a');
  place.run('clone', ['app', '', 'main', first, 'none'], place.bundle());
  const second = place.commit(place.source, 'b');

  const facts = parseFacts(place.run('fetch', ['app', '', 'main', second, 'none'], place.bundle()).stdout);
  t.is(facts.commit, second);
  t.is(facts.notMerged, undefined);
  t.is(place.inspect(second).unsaved, false);
});

const refusals: {
  name: string;
  prepare: (place: ReturnType<typeof makeHome>, clone: string) => void;
  reason: RegExp;
}[] = [
  {
    name: 'uncommitted changes',
    prepare: (_, clone) => writeFileSync(join(clone, 'a'), 'changed'),
    reason: /uncommitted/,
  },
  {
    name: 'commits of its own',
    prepare: (place, clone) => void place.commit(clone, 'own'),
    reason: /commits of its own/,
  },
  {
    name: 'another branch',
    prepare: (place, clone) => void place.git(clone, 'checkout', '-qb', 'topic'),
    reason: /topic is checked out/,
  },
  {
    name: 'an untracked file in the way',
    prepare: (_, clone) => writeFileSync(join(clone, 'b'), 'mine'),
    reason: /untracked/,
  },
];

for (const {name, prepare, reason} of refusals) {
  test(`new commits are not merged into a clone with ${name}`, t => {
    using place = makeHome();
    const first = place.commit(place.source, 'a');
    place.run('clone', ['app', '', 'main', first, 'none'], place.bundle());
    const clone = join(place.home, 'app');
    prepare(place, clone);
    const before = place.git(clone, 'rev-parse', 'HEAD');
    const second = place.commit(place.source, 'b');

    const facts = parseFacts(place.run('fetch', ['app', '', 'main', second, 'none'], place.bundle()).stdout);
    t.regex(facts.notMerged ?? '', reason);
    t.is(facts.commit, before);
    t.is(place.git(clone, 'rev-parse', 'refs/nexus/bundle'), second);
  });
}

const unsaved: {
  name: string;
  prepare: (place: ReturnType<typeof makeHome>, clone: string) => void;
  unsaved: boolean;
}[] = [
  {name: 'nothing new', prepare() {}, unsaved: false},
  {name: 'a changed file', prepare: (_, clone) => writeFileSync(join(clone, 'a'), 'changed'), unsaved: true},
  {name: 'an untracked file', prepare: (_, clone) => writeFileSync(join(clone, 'new'), ''), unsaved: true},
  {name: 'a commit', prepare: (place, clone) => void place.commit(clone, 'own'), unsaved: true},
  {
    name: 'a commit on another branch',
    prepare(place, clone) {
      place.git(clone, 'checkout', '-qb', 'topic');
      place.commit(clone, 'own');
      place.git(clone, 'checkout', '-q', 'main');
    },
    unsaved: true,
  },
  {
    name: 'a commit on no branch',
    prepare(place, clone) {
      place.git(clone, 'checkout', '-q', '--detach');
      place.commit(clone, 'own');
    },
    unsaved: true,
  },
  {
    name: 'a stash',
    prepare(place, clone) {
      writeFileSync(join(clone, 'a'), 'changed');
      place.git(clone, 'stash', '-q');
    },
    unsaved: true,
  },
  {
    name: 'a change in another worktree',
    prepare(place, clone) {
      place.git(clone, 'worktree', 'add', '-q', join(place.home, 'app/.git/tree'));
      writeFileSync(join(place.home, 'app/.git/tree/a'), 'changed');
    },
    unsaved: true,
  },
  {
    name: 'ignored files only',
    prepare(_, clone) {
      writeFileSync(join(clone, '.git/info/exclude'), 'node_modules\n');
      mkdirSync(join(clone, 'node_modules'));
      writeFileSync(join(clone, 'node_modules/x'), '');
    },
    unsaved: false,
  },
  {name: 'a file beside it', prepare: place => writeFileSync(join(place.home, 'notes'), ''), unsaved: true},
  {
    name: 'a hidden file beside it',
    prepare: place => writeFileSync(join(place.home, '.bash_history'), ''),
    unsaved: false,
  },
  {name: 'an empty folder beside it', prepare: place => mkdirSync(join(place.home, 'empty')), unsaved: false},
  {
    name: 'another repository with commits of its own',
    prepare(place) {
      const other = join(place.home, 'other');
      mkdirSync(other);
      place.git(other, 'init', '-q');
      place.commit(other, 'own');
    },
    unsaved: true,
  },
  {
    name: 'a repository that git can not read',
    prepare: (_, clone) => rmSync(join(clone, '.git/HEAD')),
    unsaved: true,
  },
];

for (const {name, prepare, unsaved: expected} of unsaved) {
  test(`a workspace with ${name} is ${expected ? 'unsaved' : 'saved'}`, async t => {
    using place = makeHome();
    const tip = place.commit(place.source, 'a');
    place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle());
    prepare(place, join(place.home, 'app'));
    t.is(place.inspect(tip).unsaved, expected);
  });
}

for (const step of ['rev-parse --git-dir', 'worktree list', 'status', 'stash list', 'rev-list', 'find']) {
  test(`a workspace is unsaved when ${step} was killed for want of memory`, t => {
    using place = makeHome();
    const tip = place.commit(place.source, 'a');
    place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle());
    mkdirSync(join(place.home, 'empty'));
    const programs = join(place.root, 'programs');
    mkdirSync(programs);
    for (const name of ['git', 'find']) {
      const real = execFileSync('which', [name], {encoding: 'utf8'}).trim();
      const script = `#!/bin/sh\ncase "${name} $*" in *${JSON.stringify(step)}*) kill -KILL $$ ;; esac\nexec ${real} "$@"\n`;
      writeFileSync(join(programs, name), script, {mode: 0o755});
    }
    t.is(place.inspect(tip).unsaved, false);
    t.is(place.inspectWith({PATH: `${programs}:${process.env.PATH}`}, tip).unsaved, true);
  });
}

test('a look of which not all has arrived proves nothing', t => {
  using place = makeHome();
  const tip = place.commit(place.source, 'a');
  place.run('clone', ['app', '', 'main', tip, 'none'], place.bundle());
  const {stdout} = place.run('inspect', ['app', tip]);
  t.is(parseInspection(stdout).unsaved, false);
  const lines = stdout.trimEnd().split('\n');
  for (const kept of lines.keys()) {
    t.throws(() => parseInspection(lines.slice(0, kept).join('\n')), {message: /cut off/});
  }
});

test('what is on a remote is saved without a bundle', t => {
  using place = makeHome();
  place.commit(place.source, 'a');
  place.git(place.root, 'clone', '-q', place.source, join(place.home, 'app'));
  t.is(place.inspect().unsaved, false);
  place.commit(join(place.home, 'app'), 'own');
  t.is(place.inspect().unsaved, true);
});

test('a home with nothing in it is saved, whatever was expected there', t => {
  using place = makeHome();
  t.deepEqual(place.inspect(), {unsaved: false, reasons: []});
});
