import {createInterface} from 'node:readline';
import {z} from 'zod';
import type {DriverEvent} from '../driver.ts';
import {createMergedEvents} from '../merged-events.ts';
import type {ReconnectedOptions} from '../reconnected.ts';
import {reconnected} from '../reconnected.ts';
import type {Client} from './client.ts';
import {labels} from './labels.ts';

export type EventsOptions = ReconnectedOptions & {
  readonly client: Client;
  readonly installation: string;
};

const message = z.object({
  Action: z.string(),
  Actor: z.object({Attributes: z.record(z.string(), z.string())}),
});

/** Those that change what {@link Driver.observe} answers; execs and copies make many more. */
const relevant = new Set([
  'create',
  'destroy',
  'die',
  'pause',
  'rename',
  'start',
  'stop',
  'unpause',
  'update',
]);

/** Of containers of the installation. What is not taken in time is merged, so that a slow reader holds at most one event a container. */
export async function* containerEvents(
  options: EventsOptions,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  yield* reconnected(options, signal, connection => connectionEvents(options, connection));
}

async function* connectionEvents(
  {client, installation}: EventsOptions,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  const filters = {type: ['container'], label: [`${labels.installation}=${installation}`]};
  const {body} = await client.download('GET', '/events', {query: {filters: JSON.stringify(filters)}, signal});
  const {tell, close, events} = createMergedEvents(signal);
  body.on('error', close);
  const lines = createInterface({input: body, crlfDelay: Number.POSITIVE_INFINITY});
  lines.on('line', line => {
    const parsed = message.safeParse(parseJson(line));
    if (!parsed.success || !relevant.has(parsed.data.Action)) return;
    const attributes = parsed.data.Actor.Attributes;
    if (attributes[labels.helper] === undefined) tell(attributes[labels.uid]);
  });
  lines.on('close', close);
  try {
    yield* events();
  } finally {
    lines.close();
    body.destroy();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
