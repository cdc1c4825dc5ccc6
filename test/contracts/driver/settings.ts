import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {exampleKey} from './example.ts';
import type {DriverSuite} from './suite.ts';

/** What changes in place. */
export function settingsContract({it, needs, itReally, instance, run}: DriverSuite): void {
  it('retires and restores', async (t, {driver}) => {
    const {uid} = await instance(t);
    const times = {at: '2026-11-20T10:00:00.000Z', until: '2026-11-27T10:00:00.000Z'};
    await driver.retire(uid, times);
    await driver.retire(uid, times);
    t.deepEqual((await driver.observeOne(uid))?.retired, times);
    await driver.restore(uid);
    await driver.restore(uid);
    t.is((await driver.observeOne(uid))?.retired, undefined);
  });

  needs('LiveLimits')('limits change while it runs', async (t, {driver}) => {
    const {uid} = await instance(t, {started: true});
    const limits = {cpus: 2, memory: 2 ** 29, disk: 2 ** 31};
    await driver.setLimits(uid, limits);
    await driver.setLimits(uid, limits);
    t.like(await driver.observeOne(uid), {state: 'Running', limits});
  });

  itReally('keys are replaced at once, and stay so over a start', async (t, {driver}) => {
    const {uid} = await instance(t, {started: true});
    const keysInside = async () =>
      new TextDecoder().decode(await driver.readFile(uid, '/etc/nexus/authorized_keys')).trim();
    t.is(await keysInside(), exampleKey);
    await driver.setAuthorizedKeys(uid, [`${exampleKey}-1`, `${exampleKey}-2`]);
    t.is(await keysInside(), `${exampleKey}-1\n${exampleKey}-2`);
    await driver.stop(uid, {force: true, timeout: 0});
    await driver.start(uid);
    t.is(await keysInside(), `${exampleKey}-1\n${exampleKey}-2`);
  });

  itReally('keys that are replaced while it is stopped are there when it starts', async (t, {driver}) => {
    const {uid} = await instance(t, {started: true});
    await driver.stop(uid, {force: true, timeout: 0});
    await driver.setAuthorizedKeys(uid, [`${exampleKey}-1`]);
    await driver.start(uid);
    const {stdout} = await run(['cat', '/etc/nexus/authorized_keys'], {uid});
    t.is(stdout.trim(), `${exampleKey}-1`);
  });

  needs('Inside', 'Templates')(
    'it starts whatever was put in the place of its files, and they lead nowhere on the node',
    async (t, {driver}) => {
      const {uid} = await instance(t, {started: true});
      const outside = await mkdtemp(join(tmpdir(), 'nexus-outside-'));
      t.teardown(async () => await rm(outside, {recursive: true}));
      const inside = await run(['sh', '-c', linkAway, 'link-away', outside], {uid, user: 'root'});
      t.is(inside.exitCode, 0, inside.stderr);
      await driver.stop(uid, {force: true, timeout: 0});
      await driver.setAuthorizedKeys(uid, [`${exampleKey}-1`]);
      await driver.start(uid);
      t.is((await driver.observeOne(uid))?.state, 'Running');
      t.deepEqual(await readdir(outside), []);
    },
  );

  itReally('what takes more memory than the limit is killed', async t => {
    const hog = await run(['bash', '-c', 'head -c 400000000 /dev/zero | tail -c 390000000 | wc -c'], {
      user: 'root',
    });
    t.not(hog.stdout, '390000000\n');
  });

  itReally('what takes more disk than the limit is told that there is no space', async t => {
    const dd = await run(['dd', 'if=/dev/urandom', 'of=/home/dev/big', 'bs=1M', 'count=1500', 'conv=fsync']);
    t.regex(dd.stderr, /Disk quota exceeded|No space left/);
    t.not(dd.exitCode, 0);
    t.is((await run(['rm', '/home/dev/big'])).exitCode, 0);
  });
}

/** What a program such as resolvconf does to one file, and somebody hostile to all: links that only lead somewhere on the node. */
const linkAway = `
set -e
mkdir -p "$1"
for file in hostname hosts resolv.conf systemd/network/10-eth0.network; do
  ln -sfn "$1/\${file##*/}" "/etc/$file"
done
rm -rf /etc/nexus
ln -s "$1" /etc/nexus
`;
