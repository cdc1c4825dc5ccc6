import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import type {AddressInfo} from 'node:net';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {createQemuDriver} from '../../../agent/qemu/driver.ts';
import {systemClock} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {systemRandom} from '../../../api/effects/random.ts';

test('a port of a machine is never one of the node, also while there is no way into the machine', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-reach-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  await using driver = createQemuDriver({
    program: '/usr/bin/qemu-system-x86_64',
    installation: 'abcdef',
    folder,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    accelerator: 'tcg',
  });
  // As many a service of the node does, it listens on all of its addresses, those of machines among them.
  await using ofNode = createServer(socket => socket.end()).listen(0, '0.0.0.0');
  await once(ofNode, 'listening');
  const {port} = ofNode.address() as AddressInfo;
  const {signal} = new AbortController();

  for (const address of ['127.64.0.0', '127.100.1.2', '127.127.255.255']) {
    const reaching = driver.reach?.(address, port, signal);
    t.not(reaching, undefined, 'undefined is for what the network of the node leads to');
    await t.throwsAsync(async () => void (await reaching), {name: 'DriverError'});
  }
  for (const address of ['127.0.0.1', '127.63.255.255', '127.128.0.0', '10.64.0.1']) {
    t.is(driver.reach?.(address, port, signal), undefined, address);
  }
  t.is(driver.reach?.('127.64.0.1', 2022, signal), undefined, 'its sshd');
});
