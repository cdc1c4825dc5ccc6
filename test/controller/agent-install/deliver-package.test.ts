import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {access, readdir, readFile, readlink, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {setTimeout as delay} from 'node:timers/promises';
import {gzipSync, zstdCompressSync} from 'node:zlib';
import type {TestFn} from 'ava';
import anyTest from 'ava';
import type {AgentPackage, PackageFile, Packing} from '../../../controller/agent-install/agent-package.ts';
import type {DeliveryOptions} from '../../../controller/agent-install/deliver-package.ts';
import {deliverPackage, switchVersion} from '../../../controller/agent-install/deliver-package.ts';
import {inspectMachine} from '../../../controller/agent-install/inspect-machine.ts';
import type {Machine} from '../../../controller/agent-install/machine.ts';
import {hasSshServer} from '../../fakes/ssh-server.ts';
import type {SshMachine} from './ssh-machine.ts';
import {startSshMachine} from './ssh-machine.ts';

type Context = {box: SshMachine; session: Awaited<ReturnType<SshMachine['open']>>; machine: Machine};
const suite = anyTest as TestFn<Context>;
// Where sshd is not installed this suite is skipped, and says so; in CI it must be there.
const test = (await hasSshServer()) || process.env.CI !== undefined ? suite : suite.skip;

const signal = new AbortController().signal;
const options: DeliveryOptions = {packing: 'gzip', signal};
const launcher = '#!/bin/sh\ncat "$(dirname "$0")/large" >/dev/null && echo nexus 0.0.0\n';

function file(path: string, content: Buffer | string, opened: string[] = []): PackageFile {
  const bytes = Buffer.from(content);
  return {
    path,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    executable: path === 'nexus',
    async open(packing: Packing) {
      opened.push(`${path} ${packing}`);
      const packed = {none: bytes, gzip: gzipSync(bytes), zstd: zstdCompressSync(bytes)}[packing];
      return {size: packed.length, content: Readable.from([packed])};
    },
  };
}

const large = Buffer.alloc(300_000, 'all work and no play ');

function packageOf(id: string, files: readonly PackageFile[]): AgentPackage {
  return {id, platform: 'linux-x64', files};
}

const plain = (id: string, opened: string[] = []) =>
  packageOf(id, [
    file('nexus', launcher, opened),
    file('large', large, opened),
    file('agent/scripts/a b.sh', `echo ${id}\n`, opened),
  ]);

if (test === suite) {
  suite.beforeEach(async t => {
    t.context.box = await startSshMachine();
    t.context.session = await t.context.box.open();
    t.context.machine = t.context.session.machine;
  });
  suite.afterEach.always(async t => {
    await t.context.session?.[Symbol.asyncDispose]();
    await t.context.box?.[Symbol.asyncDispose]();
  });
}

suite('what was opened to be sent is closed when the machine does not take it', async t => {
  const contents: Readable[] = [];
  const watched = ({open, ...rest}: PackageFile): PackageFile => ({
    ...rest,
    async open(packing) {
      const packed = await open(packing);
      contents.push(packed.content);
      return packed;
    },
  });
  let runs = 0;
  const deaf: Machine = {
    async run() {
      runs += 1;
      if (runs > 1) {
        throw new Error('the line is cut');
      }
      return '';
    },
  };
  const {files} = plain('1.0.0-cut');
  await t.throwsAsync(deliverPackage(deaf, packageOf('1.0.0-cut', files.map(watched)), options), {
    message: 'the line is cut',
  });
  t.is(contents.length, files.length);
  t.true(contents.every(({destroyed}) => destroyed));
});

const versions = async ({box}: Context) => (await readdir(join(box.home, 'agent-versions'))).toSorted();

test('a package arrives whole, whatever it is packed with, and is used from the switch on', async t => {
  const {machine, box} = t.context;
  for (const packing of ['none', 'gzip', 'zstd'] as const) {
    const id = `1.0.0-${packing}`;
    await deliverPackage(machine, plain(id), {packing, signal});
    const folder = join(box.home, 'agent-versions', id);
    t.deepEqual(await readFile(join(folder, 'large')), large);
    t.is(await readFile(join(folder, 'agent/scripts/a b.sh'), 'utf8'), `echo ${id}\n`);
    t.not((await inspectMachine(machine, signal)).current, id);
    await switchVersion(machine, id, signal);
    t.is((await inspectMachine(machine, signal)).current, id);
  }
});

test('the machine says what it is, and what it can unpack', async t => {
  const seen = await inspectMachine(t.context.machine, signal);
  t.regex(seen.platform, /^linux-(x64|arm64)$/);
  t.is(seen.folder, join(t.context.box.home, 'agent-versions'));
  t.not(seen.packing, 'none');
  t.is(seen.current, undefined);
});

test('what is there already is not sent again', async t => {
  const {machine} = t.context;
  const first: string[] = [];
  await deliverPackage(machine, plain('1.0.0-a', first), options);
  t.deepEqual(first.toSorted(), ['agent/scripts/a b.sh none', 'large gzip', 'nexus none']);
  await switchVersion(machine, '1.0.0-a', signal);

  const again: string[] = [];
  t.deepEqual(await deliverPackage(machine, plain('1.0.0-a', again), options), {sent: 0, total: 0});
  t.deepEqual(again, []);

  const next: string[] = [];
  await deliverPackage(machine, plain('1.0.0-b', next), options);
  t.deepEqual(next, ['agent/scripts/a b.sh none']);
});

test('the version before is kept to go back to, older ones are removed', async t => {
  const {machine} = t.context;
  for (const id of ['1.0.0-a', '1.0.0-b', '1.0.0-c']) {
    await deliverPackage(machine, packageOf(id, [file('nexus', `#!/bin/sh\necho ${id}\n`)]), options);
    await switchVersion(machine, id, signal);
  }
  t.deepEqual(await versions(t.context), ['1.0.0-b', '1.0.0-c', 'current', 'previous']);
  t.is(await switchVersion(machine, '1.0.0-b', signal), '1.0.0-c');
  const {current, previous} = await inspectMachine(machine, signal);
  t.deepEqual([current, previous], ['1.0.0-b', '1.0.0-c']);
});

test('one that was cut off half way is no version, and goes on where it was', async t => {
  const {box, machine} = t.context;
  await using session = await box.open();
  const halfway = new AbortController();
  const incoming = join(box.home, 'agent-versions/.incoming-1.0.0-a');
  const others = plain('1.0.0-a').files;
  const unplugged = async function* () {
    yield Buffer.alloc(1000);
    while (!others.every(({path}) => existsSync(join(incoming, path)))) {
      await delay(10);
    }
    halfway.abort(new Error('the cable was pulled'));
    await new Promise(() => {});
  };
  const broken = packageOf('1.0.0-a', [
    ...others,
    {
      ...file('stuck', Buffer.alloc(100_000)),
      open: async () => ({size: 100_000, content: Readable.from(unplugged())}),
    },
  ]);
  await t.throwsAsync(deliverPackage(session.machine, broken, {...options, signal: halfway.signal}), {
    message: 'the cable was pulled',
  });
  await session[Symbol.asyncDispose]();
  t.is((await inspectMachine(machine, signal)).current, undefined);
  await t.throwsAsync(switchVersion(machine, '1.0.0-a', signal));

  const opened: string[] = [];
  const whole = packageOf('1.0.0-a', [
    ...plain('1.0.0-a', opened).files,
    file('stuck', Buffer.alloc(100_000), opened),
  ]);
  await deliverPackage(machine, whole, options);
  t.deepEqual(opened, ['stuck gzip']);
  t.deepEqual(await versions(t.context), ['1.0.0-a']);
});

test('bytes that change on the way are refused, and what runs stays', async t => {
  const {machine} = t.context;
  await deliverPackage(machine, plain('1.0.0-a'), options);
  await switchVersion(machine, '1.0.0-a', signal);
  const tampered = packageOf('1.0.0-b', [
    ...plain('1.0.0-b').files.slice(1),
    {...file('nexus', 'good'), open: async () => ({size: 3, content: Readable.from([Buffer.from('bad')])})},
  ]);
  await t.throwsAsync(deliverPackage(machine, tampered, options), {
    message: /nexus arrived with SHA-256 [0-9a-f]{64} instead of [0-9a-f]{64}/,
  });
  t.is((await inspectMachine(machine, signal)).current, '1.0.0-a');
});

test('a version that was damaged since is delivered anew', async t => {
  const {box, machine} = t.context;
  await deliverPackage(machine, plain('1.0.0-a'), options);
  await switchVersion(machine, '1.0.0-a', signal);
  const damaged = join(box.home, 'agent-versions/1.0.0-a/large');
  await rm(damaged);
  await writeFile(damaged, 'rubbish');
  const {total} = await deliverPackage(machine, plain('1.0.0-a'), options);
  t.is(total, large.length);
  t.deepEqual(await readFile(damaged), large);
});

test('one that does not run on the machine is not made a version', async t => {
  const {box, machine} = t.context;
  const broken = packageOf('1.0.0-a', [
    file('nexus', '#!/bin/sh\necho "GLIBC_2.99 not found" >&2\nexit 1\n'),
  ]);
  await t.throwsAsync(deliverPackage(machine, broken, options), {message: /GLIBC_2\.99 not found/});
  await t.throwsAsync(access(join(box.home, 'agent-versions/1.0.0-a')));
});

test('two that deliver the same at once both succeed', async t => {
  const {box, machine} = t.context;
  await using session = await box.open();
  const both = await Promise.allSettled([
    deliverPackage(machine, plain('1.0.0-a'), options),
    deliverPackage(session.machine, plain('1.0.0-a'), options),
  ]);
  // The slower one may find its files moved away; the next try finds all in place.
  t.true(both.some(({status}) => status === 'fulfilled'));
  await deliverPackage(machine, plain('1.0.0-a'), options);
  await switchVersion(machine, '1.0.0-a', signal);
  t.is(await readlink(join(box.home, 'agent-versions/current')), '1.0.0-a');
});

test('what keeps the machine from writing is told in its own words', async t => {
  const {machine, box} = t.context;
  await writeFile(join(box.home, 'agent-versions'), 'a file where the folder should be');
  await t.throwsAsync(deliverPackage(machine, plain('1.0.0-a'), options), {message: /agent-versions/});
});
