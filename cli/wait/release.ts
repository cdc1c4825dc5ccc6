import {isApiError} from '../../api/client/api-error.ts';
import type {Client} from '../../api/client/client.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Cli} from '../cli.ts';

/** The controller tells one of these of every workspace that it has let go of, right after that. */
const outcomes = ['Deleted', 'WorkKept', 'InstanceAbandoned'];

/** Milliseconds. It is told at once or, when the server ends in between, never. */
const patience = 1000;

/** Resolves to what was told of it, or undefined when nothing was. Never rejects for want of an answer. */
export type Release = () => Promise<Stored<'Event'> | undefined>;

/** To be called before a workspace is deleted; what it answers with, once the workspace is gone. Throws ApiError. */
export async function expectRelease(cli: Cli, client: Client, name: string): Promise<Release> {
  const {uid} = (await client.get('Workspace', name, {signal: cli.signal})).metadata;
  const fieldSelector = `spec.regarding.uid=${uid}`;
  const {resourceVersion} = await client.list('Event', {fieldSelector, limit: 1, signal: cli.signal});
  return async () => {
    const expiry = new AbortController();
    using _timer = cli.clock.schedule(patience, () => expiry.abort());
    const signal = AbortSignal.any([cli.signal, expiry.signal]);
    try {
      for await (const change of client.watch('Event', {fieldSelector, resourceVersion, signal})) {
        if (change.type !== 'BOOKMARK' && isOutcome(change.object)) {
          return change.object;
        }
      }
    } catch (error) {
      if (!isApiError(error) && !signal.aborted) {
        throw error;
      }
    }

    cli.signal.throwIfAborted();
    return undefined;
  };
}

/** That somebody asked for it is an event of theirs, called Deleted too. */
function isOutcome({spec: {actor, reason}}: Stored<'Event'>): boolean {
  return actor === 'controller' && outcomes.includes(reason);
}
