import {z} from 'zod';
import {isStorageError} from '../storage/storage-error.ts';
import {event} from '../v1alpha1/event.ts';
import type {Stored} from '../v1alpha1/kinds.ts';
import {kinds} from '../v1alpha1/kinds.ts';
import type {ServedKind} from '../v1alpha1/validate.ts';
import {servedKinds} from '../v1alpha1/validate.ts';
import type {CallerStorage} from './authorized-storage.ts';
import {findResource} from './find-resource.ts';
import {RequestError} from './request-error.ts';
import {answers} from './rest-responses.ts';
import type {Route} from './route.ts';
import {defineRoute} from './route.ts';
import type {RouteContext} from './route-context.ts';

const eventList = z.strictObject({events: z.array(event)});

const query = z.strictObject({
  for: z
    .string()
    .max(200)
    .optional()
    .describe('What the events are about, such as workspace/web or node/local.'),
});

const found = {description: 'Oldest first.', schema: eventList};

export function eventRoutes({authorized}: RouteContext): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/api/v1/events',
      operationId: 'listEventsByObject',
      summary: 'What happened, and who did it',
      tag: 'events',
      access: 'user',
      query,
      responses: answers(200, found, 400, 401),
      async handle({caller, requestId, query: {for: object}}) {
        const storage = authorized.as(caller, requestId);
        const fields = object === undefined ? {} : await fieldsFor(storage, object);
        return {status: 200, body: {events: await listEvents(storage, fields)}};
      },
    }),
    defineRoute({
      method: 'get',
      path: '/api/v1/workspaces/{id}/events',
      operationId: 'listWorkspaceEvents',
      summary: 'What happened to a workspace',
      tag: 'workspaces',
      access: 'user',
      responses: answers(200, found, 401, 404),
      async handle({caller, requestId, params: {id = ''}}) {
        const storage = authorized.as(caller, requestId);
        const {metadata} = await findResource(storage, 'Workspace', id);
        return {
          status: 200,
          body: {events: await listEvents(storage, {'spec.regarding.uid': metadata.uid})},
        };
      },
    }),
  ];
}

async function listEvents(
  storage: CallerStorage,
  fields: Readonly<Record<string, string>>,
): Promise<Stored<'Event'>[]> {
  const {items} = await storage.list('Event', {fields});
  return items.toSorted((left, right) => left.spec.lastTimestamp.localeCompare(right.spec.lastTimestamp));
}

/** Of what exists by uid, so that a namesake's past stays out; of what is gone by name. */
async function fieldsFor(storage: CallerStorage, object: string): Promise<Record<string, string>> {
  const [word = '', name] = object.split('/', 2);
  const kind = kindNamed(word);
  if (kind === undefined || name === undefined || name === '') {
    throw new RequestError('BadRequest', `"${object}" is not of the form kind/name`, {
      details: [{path: 'for', message: 'must be such as workspace/web or node/local'}],
    });
  }

  try {
    return {'spec.regarding.uid': (await findResource(storage, kind, name)).metadata.uid};
  } catch (error) {
    if (isStorageError(error, 'NotFound')) {
      return {'spec.regarding.kind': kind, 'spec.regarding.name': name};
    }

    throw error;
  }
}

function kindNamed(word: string): ServedKind | undefined {
  const wanted = word.toLowerCase();
  return servedKinds.find(kind => {
    const {plural, singular, shortNames} = kinds[kind];
    return [plural, singular, ...shortNames].includes(wanted);
  });
}
