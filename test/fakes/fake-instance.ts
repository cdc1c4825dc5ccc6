import type {CreateOptions, DriverInstance} from '../../agent/driver.ts';
import {canonicalName} from '../../agent/instance-name.ts';
import {timestampAt} from '../../api/effects/clock.ts';
import type {FakeInstance} from './fake-backend.ts';

/** A new one of ours, stopped, with nothing on its disk. */
export function makeFakeInstance(
  {spec, hostKey}: CreateOptions,
  given: Pick<FakeInstance, 'createdAt' | 'address' | 'needsProvisioning'>,
): FakeInstance {
  return {
    ...given,
    name: canonicalName(spec.uid),
    uid: spec.uid,
    state: 'Stopped',
    image: spec.image,
    specHash: spec.specHash,
    hostKey: hostKey.publicKey.trim().split(/\s+/).slice(0, 2).join(' '),
    limits: spec.limits,
    authorizedKeys: spec.authorizedKeys,
    isCopy: false,
    files: new Map(),
    processes: new Set(),
  };
}

/** As its driver reports it. */
export function toDriverInstance(instance: FakeInstance): DriverInstance {
  const {uid = '', name, state, specHash, address, hostKey, limits, needsProvisioning} = instance;
  const isUp = state === 'Running' || state === 'Frozen';
  return {
    uid,
    name,
    state,
    specHash,
    address,
    hostKey,
    limits,
    needsProvisioning,
    hasRun: instance.startedAt !== undefined || instance.hasRunElsewhere === true,
    ...(instance.startedAt === undefined ? {} : {lastStartedAt: timestampAt(instance.startedAt)}),
    ...(instance.incoming === undefined ? {} : {incoming: instance.incoming}),
    ...(instance.startedAt === undefined || !isUp ? {} : {startedAt: timestampAt(instance.startedAt)}),
    ...(instance.retired === undefined ? {} : {retired: instance.retired}),
  };
}
