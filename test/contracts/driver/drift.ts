import {randomUUID} from 'node:crypto';
import {canonicalName} from '../../../agent/instance-name.ts';
import type {DriverSuite} from './suite.ts';

/** What people do behind our back, and what is not ours. */
export function driftContract({it, needs, request, instance, fails}: DriverSuite): void {
  needs('Rename')(
    'one renamed by hand is still known, works, and gets its name back once stopped',
    async (t, {driver, byHand}) => {
      const {uid, name: instanceName} = await instance(t);
      const other = `by-hand-${uid.slice(0, 8)}`;
      await byHand.rename(instanceName, other);
      t.is((await driver.observeOne(uid))?.name, other);
      t.is((await driver.create(request({uid}))).name, other);

      await driver.start(uid);
      await fails(t, 'NotPermittedNow', driver.rename(uid));
      await driver.stop(uid, {force: true, timeout: 0});
      await driver.rename(uid);
      await driver.rename(uid);
      t.is((await driver.observeOne(uid))?.name, instanceName);
      t.is(await byHand.stateOf(other), undefined);
    },
  );

  it('one started and stopped by hand is known to have run', async (t, {driver, byHand}) => {
    const {uid, name} = await instance(t);
    await byHand.start(name);
    await byHand.stop(name);
    t.like(await driver.observeOne(uid), {state: 'Stopped', hasRun: true});
  });

  it('one deleted by hand is gone, and may be deleted and created again', async (t, {driver, byHand}) => {
    const {uid, name: instanceName} = await instance(t);
    await byHand.delete(instanceName);
    t.is(await driver.observeOne(uid), undefined);
    await fails(t, 'NotFound', driver.start(uid));
    await t.notThrowsAsync(driver.delete(uid));
    t.is((await driver.create(request({uid}))).state, 'Stopped');
  });

  it('deletes what runs, and what is gone', async (t, {driver, byHand}) => {
    const {uid, name: instanceName} = await instance(t, {started: true});
    await driver.delete(uid);
    await driver.delete(uid);
    t.is(await driver.observeOne(uid), undefined);
    t.is(await byHand.stateOf(instanceName), undefined);
  });

  needs('Copy')(
    'copies made by hand are left alone, also once their original is gone',
    async (t, {driver, byHand}) => {
      const {uid, name: instanceName} = await instance(t);
      const copy = `copy-${uid.slice(0, 8)}`;
      await byHand.copy(instanceName, copy);
      t.teardown(async () => await byHand.delete(copy));
      t.is((await driver.observe()).filter(each => each.uid === uid).length, 1);
      t.is((await driver.observeOne(uid))?.name, instanceName);

      await driver.delete(uid);
      t.is(await driver.observeOne(uid), undefined);
      t.is(await byHand.stateOf(copy), 'Stopped');
    },
  );

  it('instances of others are neither seen nor touched, whatever they are called', async (t, {
    driver,
    byHand,
  }) => {
    const uid = randomUUID();
    await byHand.createForeign(canonicalName(uid));
    t.teardown(async () => await byHand.delete(canonicalName(uid)));
    t.is(await driver.observeOne(uid), undefined);
    t.false((await driver.observe()).some(each => each.name === canonicalName(uid)));
    await fails(t, 'NotFound', driver.start(uid));
    await fails(t, 'NotPermittedNow', driver.create(request({uid})));
    await driver.delete(uid);
    t.is(await byHand.stateOf(canonicalName(uid)), 'Stopped');
  });

  it('calls on an instance that is not there are NotFound', async (t, {driver}) => {
    const uid = randomUUID();
    const limits = {cpus: 1, memory: 2 ** 28, disk: 2 ** 30};
    await fails(t, 'NotFound', driver.stop(uid, {force: true, timeout: 0}));
    await fails(t, 'NotFound', driver.setLimits(uid, limits));
    await fails(t, 'NotFound', driver.exec(uid, {command: ['true'], user: 'root'}));
    await fails(t, 'NotFound', driver.readFile(uid, '/etc/hostname'));
    t.is(await driver.observeOne(uid), undefined);
  });
}
