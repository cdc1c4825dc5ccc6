import type {z} from 'zod';
import {AgentError} from './agent-error.ts';
import type {Feature, Features} from './features.ts';
import type {Method, Notification, NotificationMethod, Params, Result} from './messages.ts';
import {methodFeatures, notifications, requests} from './messages.ts';
import {reduceMessage} from './reduce-message.ts';

/** The schemas, typed so that a method that is only known by its type parameter gives the types of its own messages. */
const requestSchemas: {
  readonly [M in Method]: {readonly params: z.ZodType<Params<M>>; readonly result: z.ZodType<Result<M>>};
} = requests;

const notificationSchemas: {readonly [N in NotificationMethod]: z.ZodType<Notification<N>>} = notifications;

export function isMethod(name: string): name is Method {
  return Object.hasOwn(requests, name);
}

export function isNotificationMethod(name: string): name is NotificationMethod {
  return Object.hasOwn(notifications, name);
}

/** Throws AgentError Invalid, which names the method and the field. */
export function parseParams<M extends Method>(method: M, params: unknown): Params<M> {
  return parse(requestSchemas[method].params, params, `parameters of ${method}`);
}

export function parseResult<M extends Method>(method: M, result: unknown): Result<M> {
  return parse(requestSchemas[method].result, result, `answer to ${method}`);
}

export function parseNotification<N extends NotificationMethod>(method: N, params: unknown): Notification<N> {
  return parse(notificationSchemas[method], params, `notification ${method}`);
}

/** What the other side must know to be asked this; undefined when it does. */
export function missingFeature<M extends Method>(
  method: M,
  params: Params<M>,
  features: Features,
): Feature | undefined {
  const needed = methodFeatures[method];
  return needed !== undefined && !features.has(needed)
    ? needed
    : reduceMessage(requestSchemas[method].params, params, features).missing[0];
}

/** An answer as a caller with these features understands it. */
export function resultFor<M extends Method>(method: M, result: Result<M>, features: Features): Result<M> {
  const {message, missing} = reduceMessage(requestSchemas[method].result, result, features);
  return missing.length === 0 ? result : parseResult(method, message);
}

/** A notification as a peer with these features understands it; undefined when nothing that it understands is left. */
export function notificationFor<N extends NotificationMethod>(
  method: N,
  params: Notification<N>,
  features: Features,
): Notification<N> | undefined {
  const {message, missing} = reduceMessage(notificationSchemas[method], params, features);
  if (missing.length === 0) {
    return params;
  }
  return message === undefined ? undefined : parseNotification(method, message);
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    return parsed.data;
  }
  const issue = parsed.error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new AgentError(
    'Invalid',
    `invalid ${what}${place}: ${issue?.message ?? 'does not match its schema'}`,
  );
}
