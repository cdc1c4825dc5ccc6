import test from 'ava';
import {silentLogger} from '../../../../api/effects/logger.ts';
import type {ApiResources} from '../../../../api/storage/kubernetes/api-resources.ts';
import {createLease} from '../../../../api/storage/kubernetes/lease.ts';
import {takeServerLease} from '../../../../api/storage/kubernetes/server-lease.ts';
import {createManualClock} from '../../../fakes/manual-clock.ts';

const notAsked = () => {
  throw new Error('is not asked for');
};

/** Where there is one lease, whose holder has died. */
function createApi(leaseDurationSeconds: number) {
  let lease = {metadata: {resourceVersion: '1'}, spec: {holderIdentity: 'dead', leaseDurationSeconds}};
  const api: ApiResources = {
    get: async () => lease,
    async replace(_plural, _name, {body}) {
      lease = {...(body as typeof lease), metadata: {resourceVersion: `${lease.metadata.resourceVersion}1`}};
      return lease;
    },
    list: notAsked,
    create: notAsked,
    merge: notAsked,
    remove: notAsked,
    watch: notAsked,
  };
  return {api, holder: () => lease.spec.holderIdentity};
}

for (const [what, seconds, lasts] of [
  ['longer than this one’s', 60, 60_000],
  ['shorter than this one’s', 1, 15_000],
] as const) {
  test(`a lease whose duration is ${what} is taken over only once it can have no holder any more, whatever the clock says`, async t => {
    const {api, holder} = createApi(seconds);
    const clock = createManualClock();
    const begin = clock.now();
    const taking = takeServerLease({
      lease: createLease(api),
      identity: 'mover',
      place: 'here',
      // Somebody sets the clock on by an hour while it waits.
      clock: {...clock, now: () => clock.now() + (clock.now() - begin > 5000 ? 3_600_000 : 0)},
      elapsed: clock.now,
      log: silentLogger,
    });
    await clock.advance(lasts - 1000);
    t.is(holder(), 'dead');
    await clock.advance(3000);
    t.is(holder(), 'mover');
    await clock.advance(lasts);
    const held = await taking;
    const ended = held[Symbol.asyncDispose]();
    await clock.settle();
    await ended;
    t.is(holder(), '');
  });
}
