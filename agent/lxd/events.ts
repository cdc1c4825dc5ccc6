import {z} from 'zod';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {DriverEvent} from '../driver.ts';
import {createMergedEvents} from '../merged-events.ts';
import {reconnected} from '../reconnected.ts';
import type {Client} from './client.ts';

export type EventsOptions = {
  readonly client: Client;
  readonly project: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** `undefined` for a name that nothing is known of. */
  readonly uidOf: (instance: string) => string | undefined;
};

const message = z.object({
  metadata: z.object({action: z.string(), source: z.string()}),
});

/** Those that change what {@link Driver.observe} answers; execs, files and consoles make many more. */
const relevant =
  /^instance-(?:created|deleted|renamed|updated|started|stopped|shutdown|restarted|paused|resumed|ready|restored)$/;

/**
 * Lifecycle events of the project. What is not taken in time is merged, so a slow reader holds at most one event an instance; a connection
 * that is lost is made again, and "anything" follows since what happened meanwhile was missed.
 */
export async function* lifecycleEvents(
  options: EventsOptions,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  yield* reconnected(options, signal, connection => connectionEvents(options, connection));
}

async function* connectionEvents(
  {client, project, uidOf}: EventsOptions,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  const websocket = await client.websocket(
    `/1.0/events?type=lifecycle&project=${encodeURIComponent(project)}`,
    signal,
  );
  const {tell, close, events} = createMergedEvents(signal);
  websocket.on('close', close);
  websocket.on('message', data => {
    const name = instanceOf(String(data));
    if (name !== undefined) tell(uidOf(name));
  });
  websocket.resume();
  try {
    yield* events();
  } finally {
    websocket.terminate();
  }
}

/** `source` is `/1.0/instances/<name>`, with the project as a query. */
function instanceOf(text: string): string | undefined {
  const {success, data} = message.safeParse(parseJson(text));
  if (!success || !relevant.test(data.metadata.action)) return undefined;

  const [, name] =
    /^\/1\.0\/(?:instances|containers|virtual-machines)\/([^/?]+)/.exec(data.metadata.source) ?? [];
  return name === undefined ? undefined : decodeURIComponent(name);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
