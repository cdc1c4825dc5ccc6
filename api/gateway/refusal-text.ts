import type {Connection, RejectConnection} from 'ssh2';

/** Refuses one request for a channel, with a sentence that the client's ssh shows. */
export type Refuse = (reject: RejectConnection, message: string) => void;

/** Bytes, of UTF-8. */
const longest = 400;

/**
 * ssh2 refuses channels without a word, although the protocol has a place for one; this puts it in, for refusals of ssh2's own as well (`otherwise`).
 * The only place that reaches into ssh2: without what it expects there, refusals are as silent as ssh2's own.
 */
export function createRefuse(connection: Connection, otherwise: string): Refuse {
  let text = otherwise;
  if ('_protocol' in connection && hasChannelOpenFail(connection._protocol)) {
    const protocol = connection._protocol;
    const original = protocol.channelOpenFail.bind(protocol);
    protocol.channelOpenFail = (recipient, reason) => original(recipient, reason, printable(text));
  }

  return (reject, message) => {
    text = message;
    try {
      reject();
    } finally {
      text = otherwise;
    }
  };
}

type ChannelOpenFail = (recipient: number, reason: number, description: string) => void;

function hasChannelOpenFail(protocol: unknown): protocol is {channelOpenFail: ChannelOpenFail} {
  return (
    typeof protocol === 'object' &&
    protocol !== null &&
    'channelOpenFail' in protocol &&
    typeof protocol.channelOpenFail === 'function'
  );
}

/** For a terminal: on one line, without control characters, and not too long. */
function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return Buffer.from(line).subarray(0, longest).toString().replace(/�+$/, '');
}
