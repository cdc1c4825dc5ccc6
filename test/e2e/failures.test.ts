import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'ava';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {eventually} from './eventually.ts';
import type {Installation} from './installation.ts';
import {createInstallation} from './installation.ts';
import {
  conditionOf,
  declare,
  fetchText,
  smallSpec,
  untilGone,
  untilReady,
  untilReason,
} from './workspaces.ts';

/** What goes wrong, what is then said, and the way out: a changed spec mends it, and deletion works from there. */
onBackend(backends[0], ({socket, tarball}) => {
  let nexus: Installation;

  test.before(async () => {
    nexus = await createInstallation({socket, tarball});
  });
  test.after.always(async () => {
    await nexus?.[Symbol.asyncDispose]();
  });

  const get = (name: string) => nexus.client().get('Workspace', name);
  const deletes = async (name: string) => {
    const {uid} = (await get(name)).metadata;
    const {code, stderr} = await nexus.cli('delete', 'workspace', name, '--force', '--timeout', '90s');
    assert.equal(code, 0, stderr);
    await untilGone(nexus, name);
    return await nexus.backend.find(uid);
  };
  const exec = async (name: string, script: string) =>
    await nexus.cli('exec', '--user', 'root', '--directory', '/', name, '--', 'sh', '-c', script);

  test.serial('an image that is not there: the status names it, another image mends it', async t => {
    await declare(nexus.client(), 'image', {...smallSpec, image: 'nexus/no-such-image'});
    const condition = await untilReason(nexus, 'image', {type: 'Provisioned', reason: 'ImageNotFound'});
    t.regex(condition.message, /nexus\/no-such-image/);
    t.regex(condition.message, /Change spec\.image/);
    await eventually(async () => assert.equal((await get('image')).status?.phase, 'Error'));

    await declare(nexus.client(), 'image', {...smallSpec, image: 'nexus/base'});
    t.is((await untilReady(nexus, 'image')).status?.failures ?? 0, 0);
    t.deepEqual(await deletes('image'), []);
  });

  test.serial('a repository that is not there: the status says so, another address mends it', async t => {
    const repo = {name: 'gone', url: 'https://127.0.0.1:9/nobody/gone.git'};
    await declare(nexus.client(), 'clone', {...smallSpec, repo});
    const condition = await eventually(async () => {
      const found = conditionOf(await get('clone'), 'RepositoryCloned');
      assert.match(found.message, /Failed/);
      return found;
    });
    t.is(condition.status, 'False');
    t.regex(condition.message, /127\.0\.0\.1|connect/i);
    t.is((await nexus.cli('ssh', 'clone', '--', 'true')).code, 0, 'one can log in and look');
    t.deepEqual(await deletes('clone'), []);
  });

  test.serial('a setup command that fails: its output is told, a changed one mends it', async t => {
    const setup = ['echo first', 'echo no such luck >&2; exit 3'];
    await declare(nexus.client(), 'setup', {...smallSpec, setup});
    const condition = await untilReason(nexus, 'setup', {type: 'SetupSucceeded', reason: 'SetupFailed'});
    t.regex(condition.message, /exit code 3/);
    t.regex(condition.message, /no such luck/);
    // It is tried again and again, and each run begins a new log.
    await eventually(async () => {
      const {stdout} = await nexus.cli('logs', 'setup', '--setup');
      assert.match(stdout, /first\n(?:.*\n)*.*no such luck/);
    });

    await declare(nexus.client(), 'setup', {...smallSpec, setup: ['echo first']});
    t.is(conditionOf(await untilReady(nexus, 'setup'), 'SetupSucceeded').reason, 'Succeeded');
  });

  test.serial('it can be deleted while a setup command hangs', async t => {
    await declare(nexus.client(), 'setup', {...smallSpec, setup: ['sleep 1000']});
    await untilReason(nexus, 'setup', {type: 'SetupSucceeded', reason: 'Running'});
    t.deepEqual(await deletes('setup'), []);
  });

  test.serial(
    'a service that never starts: what it said is told, those that need it wait, a changed one mends it',
    async t => {
      const [web] = smallSpec.services;
      const broken = {name: 'store', command: 'echo out of luck >&2; exit 4', port: 5432};
      const needs = {...web, dependsOn: ['store']};
      await declare(nexus.client(), 'service', {...smallSpec, services: [broken, needs]});
      const condition = await untilReason(nexus, 'service', {
        type: 'ServicesHealthy',
        reason: 'ServiceFailed',
      });
      t.regex(condition.message, /store is (BackOff|Failed), exit code 4/);
      const states = (await get('service')).status?.services?.map(({name, status}) => [name, status]);
      t.deepEqual(
        states?.find(([name]) => name === 'web'),
        ['web', 'Waiting'],
      );
      t.regex((await nexus.cli('logs', 'service/store')).stdout, /out of luck/);
      t.is((await nexus.cli('ssh', 'service', '--', 'true')).code, 0, 'one can log in and look');

      const mended = {...broken, command: web.command.replace('8080', '5432')};
      await declare(nexus.client(), 'service', {...smallSpec, services: [mended, needs]});
      t.regex(await fetchText(await untilReady(nexus, 'service'), 'web'), /^\d+$/);
    },
  );

  // Fails without limits in the instance's config.
  test.serial('limits hold, and raising one mends what it was too small for', async t => {
    const full = await exec('service', 'dd if=/dev/zero of=/home/dev/big bs=1M count=3000 2>&1');
    t.not(full.code, 0);
    t.regex(full.stdout, /No space left|quota exceeded/i);
    t.is((await nexus.cli('ssh', 'service', '--', 'true')).code, 0, 'a full disk locks nobody out');

    const {spec} = await get('service');
    await declare(nexus.client(), 'service', {...spec, resources: {...spec.resources, disk: '8GiB'}});
    await untilReady(nexus, 'service');
    await eventually(async () => {
      const again = await exec('service', 'dd if=/dev/zero of=/home/dev/big bs=1M count=3000 2>&1');
      assert.equal(again.code, 0, again.stdout);
    });
    t.is((await exec('service', 'rm /home/dev/big')).code, 0);
    t.deepEqual(await deletes('service'), []);
  });

  test.serial('one that can be placed nowhere says why, and can be deleted', async t => {
    await declare(nexus.client(), 'nowhere', {...smallSpec, nodeSelector: {zone: 'moon'}});
    const condition = await untilReason(nexus, 'nowhere', {type: 'Scheduled', reason: 'Unschedulable'});
    t.regex(condition.message, /zone=moon|zone: moon|selector/);
    t.deepEqual(await deletes('nowhere'), []);
  });

  test.serial('unsaved work is kept when its workspace is deleted, and given back', async t => {
    const repository = await nexus.sample('work');
    const config = path.join(repository, '.nexus/config.yaml');
    t.is((await nexus.cliWith({cwd: repository}, 'apply', '-f', config)).code, 0);
    const {uid} = (await untilReady(nexus, 'hello')).metadata;
    await nexus.must('exec', 'hello', '--', 'sh', '-c', 'echo precious > unsaved.txt');

    const deleted = await nexus.cli('delete', 'workspace/hello');
    t.is(deleted.code, 0, deleted.stderr);
    await untilGone(nexus, 'hello');
    const [kept] = await nexus.backend.find(uid);
    t.is(kept?.status, 'Stopped');
    t.truthy(kept?.config['user.nexus.retired-at']);

    const undeleted = await nexus.cli('workspace', 'undelete', 'hello');
    t.is(undeleted.code, 0, undeleted.stderr);
    t.is((await untilReady(nexus, 'hello')).metadata.uid, uid);
    t.is(await nexus.must('exec', 'hello', '--', 'cat', 'unsaved.txt'), 'precious\n');
  });

  test.serial('with --force unsaved work is destroyed; what is saved needs no force', async t => {
    const {uid} = (await get('hello')).metadata;
    t.is((await nexus.cli('delete', 'workspace/hello', '--force')).code, 0);
    t.deepEqual(await nexus.backend.find(uid), []);

    t.is((await nexus.cliWith({cwd: path.join(nexus.folder, 'work')}, 'apply')).code, 0);
    await untilReady(nexus, 'hello');
    const second = (await get('hello')).metadata.uid;
    t.is((await nexus.cli('delete', 'workspace/hello')).code, 0);
    t.deepEqual(await nexus.backend.find(second), [], 'it was at the commit that was applied, and clean');
  });
});
