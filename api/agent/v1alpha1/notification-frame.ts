import {parseNotification} from './message-schema.ts';
import type {Notification, NotificationMethod} from './messages.ts';

/** A notification as it goes over the wire, for whoever passes on a stream of messages and adds one. */
export function notificationFrame<N extends NotificationMethod>(method: N, params: Notification<N>): Buffer {
  const content = Buffer.from(
    JSON.stringify({jsonrpc: '2.0', method, params: parseNotification(method, params)}),
  );
  return Buffer.concat([Buffer.from(`Content-Length: ${content.length}\r\n\r\n`), content]);
}
