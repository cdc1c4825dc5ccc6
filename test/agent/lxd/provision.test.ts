import {execFile} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {promisify} from 'node:util';
import test from 'ava';
import type {CreateOptions} from '../../../agent/driver.ts';
import {canonicalName} from '../../../agent/instance-name.ts';
import {createClient} from '../../../agent/lxd/client.ts';
import {namesOf} from '../../../agent/lxd/names.ts';
import {createOperations} from '../../../agent/lxd/operation.ts';
import {exampleHostKey, exampleKey} from '../../contracts/driver/example.ts';
import {backends, onBackend} from './backends.ts';
import type {LxdFixture} from './fixture.ts';
import {openLxd} from './fixture.ts';

const run = promisify(execFile);

function request(image: string): CreateOptions {
  return {
    hostKey: exampleHostKey,
    spec: {
      uid: randomUUID(),
      name: 'plain',
      provider: 'lxc',
      image,
      limits: {cpus: 1, memory: 2 ** 28, disk: 2 ** 30},
      env: {},
      authorizedKeys: [exampleKey],
      specHash: 'hash',
    },
  };
}

/** Takes from an instance of the base image all that makes it ours; somebody else has uid 1000 already. */
const strip = `
set -eu
userdel --remove dev
useradd --create-home --uid 1000 ubuntu
rm -rf /etc/nexus /etc/sudoers.d/dev /etc/ssh/sshd_config.d/nexus.conf /etc/ssh/ssh_host_*
systemctl disable --quiet nexus-network.service || true
rm -rf /etc/systemd/system/nexus-network.service /etc/systemd/system/*/nexus-network.service /etc/systemd/system/ssh.service
rm -f /usr/local/lib/nexus/host-key /usr/local/lib/nexus/static-address /etc/systemd/network/10-eth0.network
ssh-keygen -A >/dev/null
printf 'deb http://127.0.0.1:9/debian bookworm main\\n' >/etc/apt/sources.list
`;

/** An image as other people make them: no templates, no user dev, sshd with its own keys and settings. */
async function publishPlainImage({driver, installation}: LxdFixture, socket: string): Promise<void> {
  await using client = createClient({socket});
  const {project} = namesOf(installation);
  const operations = createOperations({client, project});
  const {spec, ...rest} = request('nexus/base');
  await driver.create({spec, ...rest});
  await driver.start(spec.uid);
  const stripping = await driver.exec(spec.uid, {command: ['sh', '-c', strip], user: 'root'});
  const complaint = await text(stripping.stderr);
  if ((await stripping.exitCode) !== 0) throw new Error(complaint);
  await driver.stop(spec.uid, {force: true, timeout: 0});

  const name = canonicalName(spec.uid);
  const query = {project};
  const metadata = {architecture: 'x86_64', creation_date: 1, expiry_date: 0, properties: {}, templates: {}};
  await client.call('PUT', `/1.0/instances/${name}/metadata`, {query, body: metadata});
  const source = {type: 'instance', name};
  const aliases = [{name: 'ubuntu:22.04'}];
  const body = {source, aliases, compression_algorithm: 'none', properties: {}};
  await operations.finish(await client.call('POST', '/1.0/images', {query, body}));
  await driver.delete(spec.uid);
}

onBackend(backends[0], ({name, socket, tarball}) => {
  let fixture: LxdFixture;

  test.before(`${name}: opens`, async () => {
    fixture = await openLxd(socket, tarball);
    await publishPlainImage(fixture, socket);
  });

  test.after.always(`${name}: closes`, async () => {
    await fixture?.[Symbol.asyncDispose]();
  });

  test.serial(
    `${name}: a plain image that has sshd is made ready without a network, as often as asked`,
    async t => {
      const {driver} = fixture;
      const options = request('ubuntu:22.04');
      const {uid} = options.spec;
      t.teardown(async () => await driver.delete(uid));
      const {address = ''} = await driver.create(options);
      t.true((await driver.observeOne(uid))?.needsProvisioning);
      await driver.start(uid);
      await driver.provision(uid);
      await driver.provision(uid);
      t.false((await driver.observeOne(uid))?.needsProvisioning);

      const answer = await login(address, 'id -un; id -u; hostname; sudo -n id -un; pwd');
      t.is(answer, 'dev\n1001\nplain\nroot\n/home/dev\n');
      const whoami = await driver.exec(uid, {command: ['id', '-un'], user: 'dev'});
      t.is(await text(whoami.stdout), 'dev\n');

      await driver.stop(uid, {force: true, timeout: 0});
      await driver.start(uid);
      t.is(await login(address, 'id -un'), 'dev\n');
    },
  );

  test.serial(`${name}: what must be installed and can't be fetched is NetworkUnreachable`, async t => {
    const {driver} = fixture;
    const options = request('ubuntu:22.04');
    const {uid} = options.spec;
    t.teardown(async () => await driver.delete(uid));
    await driver.create(options);
    await driver.start(uid);
    const removal = await driver.exec(uid, {command: ['rm', '/usr/bin/git'], user: 'root'});
    t.is(await removal.exitCode, 0);
    const error = await t.throwsAsync(driver.provision(uid), {name: 'DriverError'});
    t.like(error, {code: 'NetworkUnreachable'});
    t.true((await driver.observeOne(uid))?.needsProvisioning);
  });

  test.serial(`${name}: provisioning that is given up ends at once and can be repeated`, async t => {
    const {driver} = fixture;
    const options = request('ubuntu:22.04');
    const {uid} = options.spec;
    t.teardown(async () => await driver.delete(uid));
    await driver.create(options);
    await driver.start(uid);
    const giving = new AbortController();
    const call = driver.provision(uid, giving.signal);
    giving.abort(new Error('enough'));
    t.like(await t.throwsAsync(call, {name: 'DriverError'}), {code: 'TimedOut'});
    await t.notThrowsAsync(driver.provision(uid));
  });
});

/** By the key of the test, to a host whose key is known beforehand. Tries until sshd answers. */
async function login(address: string, command: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-login-'));
  try {
    const [identity, known] = [join(folder, 'key'), join(folder, 'known_hosts')];
    await writeFile(identity, exampleHostKey.privateKey, {mode: 0o600});
    await writeFile(known, `${address} ${exampleHostKey.publicKey}\n`);
    const options = [
      'BatchMode=yes',
      `UserKnownHostsFile=${known}`,
      'ConnectionAttempts=20',
      'ConnectTimeout=5',
    ];
    const {stdout} = await run('ssh', [
      ...['-F', 'none', '-i', identity, ...options.flatMap(option => ['-o', option])],
      ...[`dev@${address}`, command],
    ]);
    return stdout;
  } finally {
    await rm(folder, {recursive: true});
  }
}
