import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {dockerByHand} from '../agent/docker/by-hand.ts';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {createLabInstallation} from '../lab/lab-installation.ts';
import {eventually} from './eventually.ts';
import {listWork, makeWork} from './moved-work.ts';
import {declare, smallSpec, untilReady} from './workspaces.ts';

/** What the copy would only take longer with. */
const lighten = [
  'sh',
  '-c',
  'sudo rm -rf /usr/lib/*/libnode* /usr/lib/*/libicu* /usr/lib/git-core /usr/share/perl /usr/lib/*/perl',
];
const {owner, resources} = smallSpec;

onBackend(backends[2], ({tarball}) => {
  test('a workspace of Docker is moved by a drain with all that is in it, and nothing is left where it was', async t => {
    await using lab = await createLabInstallation({nodes: 2, tarball, backend: 'docker'});
    const {nexus} = lab;
    const installation = (await readFile(path.join(nexus.home, 'installation'), 'utf8')).trim();
    const containersOn = async (node: string) => {
      await using hand = dockerByHand(lab.lab.node(node).backendSocket ?? '', '');
      return await hand.all(installation);
    };
    const contents = async () => await nexus.must('exec', 'mobile', '--', ...listWork);

    await nexus.must('node', 'cordon', 'b');
    await declare(nexus.client(), 'mobile', {owner, resources, provider: 'docker'});
    const {status, metadata} = await untilReady(nexus, 'mobile');
    t.is(status?.node, 'a');
    await nexus.must('node', 'uncordon', 'b');
    await nexus.must('exec', 'mobile', '--', ...lighten);
    await nexus.must('exec', 'mobile', '--', ...makeWork);
    const before = await contents();

    await nexus.must('node', 'drain', 'a', '--timeout', '8m');
    const after = await untilReady(nexus, 'mobile');
    t.is(after.status?.node, 'b');
    t.is(after.status?.ssh?.hostKey, status?.ssh?.hostKey, 'nobody is warned of another host key');
    t.is(await contents(), before);
    await eventually(async () => assert.deepEqual(await containersOn('a'), []));
    t.deepEqual(await containersOn('b'), [`nexus-${metadata.uid}`]);
  });
});
