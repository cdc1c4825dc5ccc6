import type {DriverSuite} from './suite.ts';

/** Starting, stopping and freezing. */
export function stateContract({it, needs, instance, stateOf, fails}: DriverSuite): void {
  it('starts, stops and starts again, each as often as asked', async (t, {driver}) => {
    const {uid} = await instance(t);
    await driver.start(uid);
    await driver.start(uid);
    const first = await driver.observeOne(uid);
    t.is(first?.state, 'Running');
    t.false(Number.isNaN(Date.parse(first?.startedAt ?? '')));

    await driver.stop(uid, {force: true, timeout: 0});
    await driver.stop(uid, {force: true, timeout: 0});
    const stopped = await driver.observeOne(uid);
    t.is(stopped?.state, 'Stopped');
    t.is(stopped?.startedAt, undefined);

    await driver.start(uid);
    t.is(await stateOf(uid), 'Running');
  });

  it('starts of one instance at once start it once', async (t, {driver}) => {
    const {uid} = await instance(t);
    await t.notThrowsAsync(Promise.all([driver.start(uid), driver.start(uid), driver.start(uid)]));
    t.is(await stateOf(uid), 'Running');
  });

  it('a start that was given up is completed by the next', async (t, {driver}) => {
    const {uid} = await instance(t);
    const given = new AbortController();
    const call = driver.start(uid, given.signal);
    given.abort(new Error('enough'));
    await fails(t, 'TimedOut', call);
    await driver.start(uid);
    t.is(await stateOf(uid), 'Running');
  });

  it('stops in an orderly way within the time it was given', async (t, {driver}) => {
    const {uid} = await instance(t, {started: true});
    await driver.stop(uid, {force: false, timeout: 20_000});
    t.is(await stateOf(uid), 'Stopped');
  });

  needs('Freeze')(
    'what is frozen by hand is seen, and runs again once unfrozen or started',
    async (t, {driver, byHand}) => {
      const {uid, name: instanceName} = await instance(t, {started: true});
      await byHand.freeze(instanceName);
      t.is(await stateOf(uid), 'Frozen');
      await driver.unfreeze(uid);
      await driver.unfreeze(uid);
      t.is(await stateOf(uid), 'Running');

      await byHand.freeze(instanceName);
      await driver.start(uid);
      t.is(await stateOf(uid), 'Running');
    },
  );

  needs('Freeze')(
    'what is frozen can be stopped, in an orderly way and by force',
    async (t, {driver, byHand}) => {
      const {uid, name: instanceName} = await instance(t, {started: true});
      for (const force of [true, false]) {
        await driver.start(uid);
        await byHand.freeze(instanceName);
        await driver.stop(uid, {force, timeout: 20_000});
        t.is(await stateOf(uid), 'Stopped');
      }
    },
  );
}
