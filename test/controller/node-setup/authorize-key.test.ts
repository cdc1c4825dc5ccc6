import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import {tmpdir, userInfo} from 'node:os';
import path from 'node:path';
import test from 'ava';
import {machineScript} from '../../../controller/node-setup/machine-script.ts';
import {runProgram} from '../../e2e/program.ts';

const key =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBqU06sI0IGPb4PJBKX8hJ7IRo0VWb1KrNIJt6oln nexus-server-abc123';
const other = 'ssh-rsa AAAAB3NzaC1yc2EAAA somebody@home';

async function account() {
  const home = await mkdtemp(path.join(tmpdir(), 'nx-account-'));
  const folder = path.join(home, '.ssh');
  const file = path.join(folder, 'authorized_keys');
  const run = async (script: 'authorize-key' | 'revoke-key', which = key) => {
    const [program = '', ...args] = machineScript(script, which);
    return await runProgram(program, args, {cwd: home, env: {PATH: process.env.PATH, HOME: home}});
  };
  return {
    home,
    folder,
    file,
    authorize: (which?: string) => run('authorize-key', which),
    revoke: () => run('revoke-key'),
    [Symbol.asyncDispose]: () => rm(home, {recursive: true, force: true}),
  };
}

test('an account without any keys gets the folder, the file and the rights that sshd wants', async t => {
  await using bare = await account();
  t.like(await bare.authorize(), {code: 0, stdout: `added ${bare.file}\n`, stderr: ''});
  t.is(await readFile(bare.file, 'utf8'), `${key}\n`);
  t.is((await stat(bare.folder)).mode & 0o777, 0o700);
  t.is((await stat(bare.file)).mode & 0o777, 0o600);
  t.deepEqual(await readdir(bare.folder), ['authorized_keys']);
});

test('a key that is there, under whatever name, is not added again', async t => {
  await using used = await account();
  await used.authorize();
  t.is((await used.authorize()).stdout, `present ${used.file}\n`);
  t.is(
    (await used.authorize(key.replace('nexus-server-abc123', 'renamed'))).stdout,
    `present ${used.file}\n`,
  );
  t.is(await readFile(used.file, 'utf8'), `${key}\n`);
});

test('a key that is only in a comment is not there', async t => {
  await using used = await account();
  await mkdir(used.folder);
  await writeFile(used.file, `# ${key}\n`);
  t.is((await used.authorize()).stdout, `added ${used.file}\n`);
});

test('what is there is kept, also when its last line has no end, and others’ right to write is taken', async t => {
  await using used = await account();
  await mkdir(used.folder, {mode: 0o777});
  await chmod(used.folder, 0o777);
  await writeFile(used.file, other);
  await chmod(used.file, 0o666);
  t.is((await used.authorize()).code, 0);
  t.is(await readFile(used.file, 'utf8'), `${other}\n${key}\n`);
  t.is((await stat(used.folder)).mode & 0o022, 0);
  t.is((await stat(used.file)).mode & 0o777, 0o600);
});

test('links within the home stay links, and what they lead to is written', async t => {
  await using linked = await account();
  const dotfiles = path.join(linked.home, 'dotfiles');
  await mkdir(dotfiles);
  await writeFile(path.join(dotfiles, 'keys'), `${other}\n`);
  await mkdir(linked.folder);
  await symlink('../dotfiles/keys', linked.file);
  t.is((await linked.authorize()).code, 0);
  t.true((await lstat(linked.file)).isSymbolicLink());
  t.is(await readFile(path.join(dotfiles, 'keys'), 'utf8'), `${other}\n${key}\n`);
});

test('a link that leads out of the home is refused, and nothing is changed', async t => {
  await using linked = await account();
  await using elsewhere = await account();
  const victim = path.join(elsewhere.home, 'victim');
  await writeFile(victim, 'precious\n');
  await mkdir(linked.folder);
  await symlink(victim, linked.file);
  const file = await linked.authorize();
  t.is(file.code, 3);
  t.regex(file.stderr, /leads out of .*: add the key there by hand/);
  t.is(await readFile(victim, 'utf8'), 'precious\n');

  await rm(linked.folder, {recursive: true});
  await symlink(elsewhere.home, linked.folder);
  t.is((await linked.authorize()).code, 3);
  t.deepEqual(await readdir(elsewhere.home), ['victim']);
});

test('what is no file, and no folder, is refused', async t => {
  await using odd = await account();
  await writeFile(odd.folder, '');
  t.like(await odd.authorize(), {code: 3, stderr: `${odd.folder} is there, and is no folder\n`});
  await rm(odd.folder);
  await mkdir(odd.file, {recursive: true});
  t.is((await odd.authorize()).code, 3);
});

const asRoot = userInfo().uid === 0 ? test : test.skip;
asRoot('a file of another user is refused (needs root, to make one)', async t => {
  await using odd = await account();
  await mkdir(odd.folder);
  await writeFile(odd.file, `${other}\n`);
  await runProgram('chown', ['12345', odd.file], {cwd: '/', env: process.env});
  const {code, stderr} = await odd.authorize();
  t.is(code, 3);
  t.regex(stderr, /belongs to another user/);
  t.is(await readFile(odd.file, 'utf8'), `${other}\n`);
});

test('nothing in a key is run', async t => {
  await using bare = await account();
  const hostile = `ssh-ed25519 AAAA$(touch${' '}${bare.home}/ran) \`touch ${bare.home}/ran\``;
  await bare.authorize(hostile);
  t.is(await readFile(bare.file, 'utf8'), `${hostile}\n`);
  t.false((await readdir(bare.home)).includes('ran'));
});

test('the key is taken out again, and nothing else; twice is no failure', async t => {
  await using used = await account();
  await mkdir(used.folder);
  await writeFile(used.file, `${other}\n`);
  await used.authorize();
  t.is((await used.revoke()).stdout, `removed ${used.file}\n`);
  t.is(await readFile(used.file, 'utf8'), `${other}\n`);
  t.is((await used.revoke()).stdout, `absent ${used.file}\n`);
  await used.authorize();
  await writeFile(used.file, `${key}\n`);
  t.is((await used.revoke()).code, 0);
  t.is(await readFile(used.file, 'utf8'), '');
});

test('without a file there is nothing to take out', async t => {
  await using bare = await account();
  t.like(await bare.revoke(), {code: 0, stdout: `absent ${bare.file}\n`});
});
