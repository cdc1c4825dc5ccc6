import {access, mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {TestFn} from 'ava';
import anyTest from 'ava';
import {timestampAt} from '../../../api/effects/clock.ts';
import type {NodeView} from '../../../controller/agent-client/agents.ts';
import {StepError} from '../../../controller/node-setup/steps.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import {hasSshServer} from '../../fakes/ssh-server.ts';
import type {SetupBench, SetupChanges} from './setup-bench.ts';
import {createSetupBench, machineName, recorder} from './setup-bench.ts';

const suite = anyTest as TestFn<SetupBench>;
const present = await hasSshServer();
// Where sshd is not installed this suite is skipped, and says so; in CI it must be there.
const test = present || process.env.CI !== undefined ? suite : suite.skip;
const never = new AbortController().signal;

if (present || process.env.CI !== undefined) {
  suite.beforeEach(async t => {
    t.context = await createSetupBench();
  });
  suite.afterEach.always(async t => {
    await t.context?.[Symbol.asyncDispose]?.();
  });
}

async function prepare(
  bench: SetupBench,
  target: Parameters<SetupBench['target']>[0] = {},
  changes: SetupChanges = {},
) {
  const {report, ...told} = recorder();
  const prepared = await bench.setup(changes).prepare(bench.target(target), {report, signal: never});
  return {prepared, ...told};
}

test('every step is taken in order, each with what it found, and what is to be declared comes out', async t => {
  const {prepared, finished, events} = await prepare(t.context);
  const {server} = t.context;
  t.deepEqual(
    finished().map(({step, outcome}) => `${step} ${outcome}`),
    [
      'Name ok',
      'Reach ok',
      'HostKey changed',
      'Login ok',
      'Shell ok',
      'Disk ok',
      'Clock ok',
      'Provider ok',
      'Agent changed',
      'Backend ok',
      'Image ok',
    ],
  );
  t.deepEqual(prepared, {
    address: '127.0.0.1',
    user: server.user,
    port: server.port,
    hostKey: server.hostKey,
  });
  t.true(events.some(event => event.type === 'progress' && event.done === 1 && event.total === 2));
  t.false(
    events.some(event => event.type === 'ended'),
    'it is not over before the node is Ready',
  );
  t.deepEqual(await t.context.calls(), [
    `agent setup --json --installation abc123 --image-digest ${t.context.image.digest}`,
  ]);
});

test('an image that is missing is sent from where an earlier attempt ended', async t => {
  await t.context.answer({image: {present: false, received: 3}});
  const {step} = await prepare(t.context);
  t.is(await readFile(path.join(t.context.home, 'image'), 'utf8'), 'image');
  t.is(step('Image').outcome, 'changed');
  t.regex(
    (await t.context.calls())[1] ?? '',
    /^agent receive-image (?:d1){32} --size 8 --offset 3 --form container --provider lxc$/,
  );
});

/** What a server sends that has both, and a machine answers that has Incus and QEMU. */
async function withBoth(bench: SetupBench, states: {readonly container: object; readonly machine: object}) {
  const file = path.join(bench.home, 'base.machine.tar');
  await writeFile(file, 'a machine');
  await bench.answer({
    images: [
      {form: 'container', providers: ['lxc', 'docker'], ...states.container},
      {form: 'machine', providers: ['qemu'], ...states.machine},
    ],
  });
  return {...bench.image, file, digest: 'e2'.repeat(32), size: 9};
}

test('of two forms of the image only the one that is missing is sent, to those that are made of it', async t => {
  const machineImage = await withBoth(t.context, {
    container: {present: true},
    machine: {present: false, received: 2},
  });
  const {step} = await prepare(t.context, {}, {machineImage});
  t.like(step('Image'), {outcome: 'ok', message: 'nexus/base is there'});
  t.like(step('MachineImage'), {
    outcome: 'changed',
    message: 'nexus/base for QEMU is there now (0 MiB sent, 0 MiB of it on an earlier attempt)',
  });
  t.is(await readFile(path.join(t.context.home, 'machine-image'), 'utf8'), 'machine');
  t.deepEqual(await t.context.calls(), [
    `agent setup --json --installation abc123 --image-digest ${t.context.image.digest} --machine-image-digest ${machineImage.digest}`,
    `agent receive-image ${machineImage.digest} --size 9 --offset 2 --form machine --provider qemu`,
  ]);
});

test('what is there in both forms is not sent again, and what is needed in one is not told of the other', async t => {
  const machineImage = await withBoth(t.context, {container: {present: true}, machine: {present: true}});
  const both = await prepare(t.context, {}, {machineImage});
  t.deepEqual([both.step('Image').outcome, both.step('MachineImage').outcome], ['ok', 'ok']);
  await t.context.answer({images: [{form: 'machine', providers: ['qemu'], present: true}]});
  const one = await prepare(t.context, {}, {machineImage, image: undefined});
  t.deepEqual(
    one
      .finished()
      .slice(-2)
      .map(({step}) => step),
    ['Backend', 'MachineImage'],
  );
  t.false((await t.context.calls()).some(call => call.startsWith('agent receive-image')));
});

test('a server without an image for QEMU says so with the next command, and adds the node', async t => {
  await withBoth(t.context, {container: {present: true}, machine: {present: false}});
  const {step, prepared} = await prepare(t.context);
  t.not(prepared, undefined);
  t.is(step('Image').outcome, 'ok');
  t.like(step('MachineImage'), {
    outcome: 'warning',
    message: 'the server has no image nexus/base for QEMU to send, so qemu can run nothing there yet',
    cure: [
      "Bake it on the server's machine: hack/build-image --machine",
      'and send it: nexus node add box 127.0.0.1',
    ],
  });
  await withBoth(t.context, {container: {present: true}, machine: {present: true}});
  const byHand = await prepare(t.context);
  t.is(byHand.step('MachineImage').outcome, 'ok', 'somebody has put it there');
});

test('an image that can not be imported is a warning beside another that was, and a failure alone', async t => {
  const machineImage = await withBoth(t.context, {container: {present: true}, machine: {present: false}});
  await t.context.answerImport({code: 1, stderr: 'error: no space left\nhint: make room\n'});
  const beside = await prepare(t.context, {}, {machineImage});
  t.not(beside.prepared, undefined);
  t.like(beside.step('MachineImage'), {
    outcome: 'warning',
    message: 'nexus/base for QEMU could not be put on qemu: no space left',
    cure: ['make room'],
  });
  await t.context.answer({images: [{form: 'machine', providers: ['qemu'], present: false}]});
  const alone = await prepare(t.context, {}, {machineImage});
  t.is(alone.prepared, undefined);
  t.like(alone.step('MachineImage'), {outcome: 'failed', code: 'ImageFailed', message: 'no space left'});
});

test('a provider that did not take the image in while another did is told', async t => {
  await t.context.answer({image: {present: false, providers: ['lxc', 'docker']}});
  await t.context.answerImport({failures: ['docker: its disk is full']});
  const {step} = await prepare(t.context);
  t.like(step('Image'), {
    outcome: 'warning',
    message: 'nexus/base is there now (0 MiB sent), but not on docker: its disk is full',
  });
});

test('without an image, or with one for other machines, the rest is done all the same', async t => {
  await t.context.answer({image: {present: false}});
  const without = await prepare(t.context, {}, {image: undefined});
  t.not(without.prepared, undefined);
  t.like(without.step('Image'), {
    outcome: 'warning',
    message: 'the server has no image nexus/base to send, so lxc can run nothing there yet',
  });
  const foreign = {...t.context.image, architecture: 'riscv64'};
  const other = await prepare(t.context, {}, {image: foreign});
  t.is(
    other.step('Image').message,
    `the server's image nexus/base is for riscv64, the machine is ${machineName()}, so lxc can run nothing there yet`,
  );
});

test('a name that does not resolve, and a port at which nothing listens, end it with what helps', async t => {
  const unknown = await prepare(t.context, {address: 'no-such-host.invalid'});
  t.is(unknown.prepared, undefined);
  t.is(unknown.step('Name').code, 'NameUnknown');
  t.deepEqual(unknown.events.at(-1)?.type, 'ended');
  const silent = await prepare(t.context, {port: 1});
  t.like(silent.step('Reach'), {code: 'Unreachable'});
  t.regex(silent.step('Reach').cure?.join() ?? '', /apt-get install --yes openssh-server/);
});

test('a host key that nobody agreed to is shown, and nothing is sent', async t => {
  const {server} = t.context;
  const {accepted: _, ...stranger} = t.context.target();
  const {report, step, finished} = recorder();
  await t.context.setup().prepare(stranger, {report, signal: never});
  t.like(step('HostKey'), {code: 'HostKeyUnknown', host_key: server.hostKey});
  t.is(finished().length, 3);
});

test('a host key that is not the one agreed to, or not the pinned one, is refused with both', async t => {
  const {server} = t.context;
  const wrong = await prepare(t.context, {accepted: server.otherKey});
  t.regex(wrong.step('HostKey').message, /SHA256:\S+, not the key that was agreed to: ssh-ed25519 SHA256:/);
  const changed = await prepare(t.context, {pinned: server.otherKey});
  t.is(changed.step('HostKey').code, 'HostKeyChanged');
  t.regex(changed.step('HostKey').message, /pinned is ssh-ed25519 SHA256:/);
  t.regex(
    changed.step('HostKey').cure?.join('\n') ?? '',
    /nexus node add box 127\.0\.0\.1 --replace-host-key/,
  );
});

test('a pinned key is replaced only by the very key that was agreed to, and only on purpose', async t => {
  const {server} = t.context;
  const replaced = await prepare(t.context, {pinned: server.otherKey, replaceHostKey: true});
  t.is(replaced.prepared?.hostKey, server.hostKey);
  const other = await prepare(t.context, {
    pinned: server.otherKey,
    accepted: server.otherKey,
    replaceHostKey: true,
  });
  t.is(other.step('HostKey').code, 'HostKeyChanged');
});

test('a pinned key of a type that the host has no longer is a changed one', async t => {
  const ecdsa =
    'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=';
  const {step} = await prepare(t.context, {pinned: ecdsa});
  t.like(step('HostKey'), {code: 'HostKeyChanged', host_key: t.context.server.hostKey});
});

test('a key that opens nothing is told with its public half, and three ways on', async t => {
  const {step} = await prepare(t.context, {}, {identityFile: t.context.server.strangerFile});
  const {code, public_key: publicKey, cure} = step('Login');
  t.is(code, 'LoginRefused');
  t.regex(publicKey ?? '', /^ssh-ed25519 \S+ nexus-server-abc123$/);
  t.is(cure?.length, 3);
});

test('a password that is not taken is told, and is in nothing that is told', async t => {
  const password = 'open-sesame';
  const {step, events} = await prepare(t.context, {password}, {identityFile: t.context.server.strangerFile});
  t.regex(step('Login').message, /accepts neither the server's key nor that password/);
  t.notRegex(JSON.stringify(events), /open-sesame/);
});

test('a file that is no private key is told by its name', async t => {
  const {step} = await prepare(t.context, {}, {identityFile: import.meta.filename});
  t.regex(step('Login').message, /can not be used as a private key/);
});

test('what the machine answers to a setup that fails is told, with its hint', async t => {
  await t.context.answer({
    code: 1,
    stderr: 'preparing incus\nerror: the pool can not be made\nhint: install btrfs-progs\n',
  });
  const {step, prepared, events} = await prepare(t.context);
  t.is(prepared, undefined);
  t.like(step('Backend'), {
    code: 'BackendFailed',
    message: 'the pool can not be made',
    cure: ['install btrfs-progs'],
  });
  t.true(events.some(event => event.type === 'progress' && event.message === 'preparing incus'));
});

test('an agent that can not be installed ends it with the reason', async t => {
  const install = async () => {
    throw new Error('there is no agent for this machine');
  };
  const {step} = await prepare(t.context, {}, {installer: {install}});
  t.like(step('Agent'), {code: 'AgentFailed', message: 'there is no agent for this machine'});
});

test('a connection that breaks is told as such, and that nothing is lost', async t => {
  const install: NonNullable<SetupChanges['installer']>['install'] = async session => {
    await session[Symbol.asyncDispose]();
    await session.exec(['true'], never);
    throw new StepError('AgentFailed', 'it should have been lost');
  };
  const {step} = await prepare(t.context, {}, {installer: {install}});
  t.is(step('Agent').code, 'ConnectionLost');
  t.regex(step('Agent').cure?.join() ?? '', /Run the same command again/);
});

test('two at once for the same node are not let in, and the second may try again', async t => {
  const began = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const install: NonNullable<SetupChanges['installer']>['install'] = async () => {
    began.resolve();
    await goOn.promise;
    return {outcome: 'Current', version: '1', command: [path.join(t.context.home, 'nexus')]};
  };
  const setup = t.context.setup({installer: {install}});
  const first = setup.prepare(t.context.target(), {report: () => {}, signal: never});
  await began.promise;
  await t.throwsAsync(setup.prepare(t.context.target(), {report: () => {}, signal: never}), {
    code: 'Conflict',
    message: /somebody else sets up node "box"/,
  });
  goOn.resolve();
  t.not(await first, undefined);
  t.not(await setup.prepare(t.context.target(), {report: () => {}, signal: never}), undefined);
});

test('giving up ends it at once, with the reason', async t => {
  const giveUp = new AbortController();
  const install: NonNullable<SetupChanges['installer']>['install'] = async (_session, {signal}) => {
    giveUp.abort(new Error('enough'));
    signal.throwIfAborted();
    throw new Error('it went on');
  };
  const {report, events} = recorder();
  await t.throwsAsync(
    t.context.setup({installer: {install}}).prepare(t.context.target(), {report, signal: giveUp.signal}),
    {message: 'enough'},
  );
  t.false(events.some(event => event.type === 'finished' && event.outcome === 'failed'));
});

const view = (changes: Partial<NodeView> = {}): NodeView => ({
  connected: true,
  synced: true,
  heardAt: Date.now(),
  facts: nodeFactsAt(timestampAt(Date.now())),
  instances: new Map(),
  providers: new Map(),
  ...changes,
});

test('a test looks at the machine and at what the controller hears, and changes nothing', async t => {
  const {report, finished, events} = recorder();
  const setup = t.context.setup({view});
  t.true(await setup.test(t.context.node(), {report, signal: never}));
  t.deepEqual(
    finished().map(({step, outcome}) => `${step} ${outcome}`),
    [
      'Name ok',
      'Reach ok',
      'HostKey ok',
      'Login ok',
      'Shell ok',
      'Disk ok',
      'Clock ok',
      'Provider ok',
      'Agent ok',
      'Backend ok',
    ],
  );
  t.deepEqual(await t.context.calls(), []);
  t.like(events.at(-1), {type: 'ended', ok: true});
});

test('a machine that can not be reached keeps nothing from being told of its agent', async t => {
  const clock = createManualClock();
  const {report, finished} = recorder();
  const setup = t.context.setup({
    clock,
    view: () => ({
      connected: false,
      synced: false,
      lastError: 'the cable is out',
      heardAt: clock.now() - 60_000,
      instances: new Map(),
      providers: new Map(),
    }),
  });
  const testing = setup.test(t.context.node({port: 1}), {report, signal: never});
  let done = false;
  void testing.finally(() => {
    done = true;
  });
  while (!done) {
    await clock.advance(1000);
  }
  t.false(await testing);
  t.deepEqual(
    finished().map(({step, outcome}) => `${step} ${outcome}`),
    ['Name ok', 'Reach failed', 'Agent failed', 'Backend failed'],
  );
  t.regex(finished()[2]?.message ?? '', /the cable is out; it was last heard 1m1?\d?s? ago/);
  t.regex(finished()[2]?.cure?.join() ?? '', /nexus node add box 127\.0\.0\.1/);
});

test('of the server’s own machine only agent and backends are looked at', async t => {
  const {report, finished} = recorder();
  await t.context.setup({view}).test(t.context.node({local: true}), {report, signal: never});
  t.deepEqual(
    finished().map(({step}) => step),
    ['Agent', 'Backend'],
  );
});

test('backends that are not ready are told with the reason', async t => {
  const facts = nodeFactsAt(timestampAt(Date.now()));
  const providers = facts.providers.map(each => ({...each, ready: false, message: 'the pool is missing'}));
  const {report, step} = recorder();
  await t.context
    .setup({view: () => view({facts: {...facts, providers}})})
    .test(t.context.node(), {report, signal: never});
  t.regex(step('Backend').message, /nothing there can run workspaces: incus: the pool is missing/);
});

test('a node is waited for until the controller hears it and its condition says so', async t => {
  const clock = createManualClock();
  let connected = false;
  let status: 'False' | 'True' = 'False';
  const {report, events, step} = recorder();
  const setup = t.context.setup({
    clock,
    view: () => (connected ? view() : {...view(), connected: false, lastError: 'not there yet'}),
    stored: () => ({
      ...t.context.node(),
      status: {
        conditions: [
          {
            type: 'Ready',
            status,
            reason: 'AgentReady',
            message: 'all is well',
            lastTransitionTime: timestampAt(0),
          },
        ],
      },
    }),
  });
  const waiting = setup.awaitReady(t.context.node(), {report, signal: never});
  await clock.advance(1000);
  t.true(events.some(event => event.type === 'progress' && event.message === 'not there yet'));
  connected = true;
  await clock.advance(1000);
  t.is(events.filter(event => event.type === 'finished').length, 0);
  status = 'True';
  await clock.advance(1000);
  t.true(await waiting);
  t.like(step('Ready'), {outcome: 'ok', message: 'all is well'});
});

test('a node that does not become Ready in a minute is told with the reason', async t => {
  const clock = createManualClock();
  const {report, step} = recorder();
  const waiting = t.context.setup({clock}).awaitReady(t.context.node(), {report, signal: never});
  await clock.advance(61_000);
  t.false(await waiting);
  t.is(step('Ready').code, 'NotReady');
});

test('a purge ends with the key, and only once the controller has let go of the node', async t => {
  let looks = 0;
  let removed = false;
  const images = path.join(t.context.home, 'n', 'images');
  await mkdir(images);
  for (const name of ['current', 'current-machine', 'a1.partial', 'b2.machine-partial']) {
    await writeFile(path.join(images, name), '');
  }
  const {report, finished} = recorder();
  const setup = t.context.setup({
    view: () => {
      looks += 1;
      return looks < 3 ? view() : undefined;
    },
    installer: {
      uninstall: async () => {
        removed = true;
      },
    },
  });
  t.true(await setup.purge(t.context.node(), {report, signal: never}));
  t.true(looks >= 3);
  t.true(removed);
  await t.throwsAsync(access(images), {code: 'ENOENT'}, 'nothing is left of the images that came in');
  t.deepEqual(
    finished().map(({step, outcome}) => `${step} ${outcome}`),
    ['Name ok', 'Reach ok', 'HostKey ok', 'Login ok', 'Backend changed', 'Program changed', 'Key ok'],
  );
  t.deepEqual(await t.context.calls(), ['agent purge']);
});

test('what a node holds is known only while it is heard', async t => {
  const instances = new Map([
    ['u1', {uid: 'u1', name: 'nexus-u1', state: 'Stopped'}],
    ['u2', {uid: 'u2', name: 'nexus-u2', state: 'Missing'}],
  ]) as unknown as NodeView['instances'];
  t.deepEqual(await t.context.setup({view: () => view({instances})}).instancesOn('box'), ['nexus-u1']);
  t.is(await t.context.setup({view: () => view({connected: false})}).instancesOn('box'), undefined);
  t.is(await t.context.setup().instancesOn('box'), undefined);
});
