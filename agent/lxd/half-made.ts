import {isDriverError} from '../driver.ts';
import type {Client} from './client.ts';
import {identity} from './instance-config.ts';
import type {RawInstance} from './observe.ts';
import type {Operations} from './operation.ts';

/**
 * Whether a daemon died while it made this instance: there is its record, but no disk, or not all of one. Nothing was ever in it. Only to be
 * asked while no operation is under way, since one that is being made looks the same.
 *
 * The backend asks for the templates once the disk is complete, and notes every start that it attempts.
 */
export function isHalfMade({config, status_code, last_used_at}: RawInstance): boolean {
  const isComplete = config['volatile.apply_template'] !== undefined;
  const wasStarted =
    config['volatile.last_state.power'] !== undefined ||
    config['volatile.idmap.current'] !== undefined ||
    Date.parse(last_used_at) > 0;
  return status_code === stopped && config[image] !== undefined && !isComplete && !wasStarted;
}

export type RemakeOptions = {
  readonly client: Client;
  readonly operations: Operations;
  readonly project: string;
};

/** Makes it again from its own record, which holds all that was asked for. */
export async function remake(
  raw: RawInstance,
  {client, operations, project}: RemakeOptions,
  signal?: AbortSignal,
): Promise<void> {
  const query = {project};
  const path = `/1.0/instances/${encodeURIComponent(raw.name)}`;
  try {
    await operations.finish(await client.call('DELETE', path, {query, signal}), signal);
  } catch (error) {
    if (!isDriverError(error, 'NotFound')) throw error;
  }

  const config = Object.entries(raw.config).filter(
    ([key]) => key === identity || !/^(?:volatile|image)\./.test(key),
  );
  const body = {
    name: raw.name,
    type: 'container',
    source: {type: 'image', fingerprint: raw.config[image]},
    profiles: [],
    config: Object.fromEntries(config),
    devices: raw.devices,
  };
  await operations.finish(await client.call('POST', '/1.0/instances', {query, body, signal}), signal);
}

const image = 'volatile.base_image';
const stopped = 102;
