/**
 * What goes over the WebSockets of exec and tunnel: Kubernetes' remote command protocol, version 5. Every message is
 * binary; its first byte names the channel, the rest is for that channel. `close` carries one byte, the channel that ends:
 * a client ends the input with 255, 0. `status` is the server's last message: a Kubernetes Status as JSON. A tunnel uses
 * `stdin` to the port, `stdout` from it.
 */
export const streamProtocol = 'v5.channel.k8s.io';

export const channel = {stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255} as const;

export type ChannelMessage = {readonly channel: number; readonly data: Buffer};

export function encodeChannel(id: number, data: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.from([id]), typeof data === 'string' ? Buffer.from(data) : data]);
}

/** Undefined for an empty message, which means nothing. */
export function decodeChannel(message: Buffer): ChannelMessage | undefined {
  const id = message[0];
  return id === undefined ? undefined : {channel: id, data: message.subarray(1)};
}

/** The last message of a stream: how it went. `exitCode` for an exec that ended by itself. */
export type StreamOutcome =
  | {readonly succeeded: true; readonly exitCode?: number}
  | {readonly succeeded: false; readonly code: string; readonly message: string};

export function encodeOutcome(outcome: StreamOutcome): Buffer {
  const exitCode = outcome.succeeded ? (outcome.exitCode ?? 0) : undefined;
  const status = outcome.succeeded
    ? exitCode === 0
      ? {status: 'Success'}
      : {
          status: 'Failure',
          reason: 'NonZeroExitCode',
          message: `command terminated with non-zero exit code: ${exitCode}`,
          details: {causes: [{reason: 'ExitCode', message: String(exitCode)}]},
        }
    : {status: 'Failure', reason: outcome.code, message: outcome.message};
  return encodeChannel(
    channel.status,
    JSON.stringify({kind: 'Status', apiVersion: 'v1', metadata: {}, ...status}),
  );
}

/** Throws SyntaxError on what is no JSON. */
export function decodeOutcome(data: Buffer): StreamOutcome {
  const {
    status,
    reason,
    message,
    details,
  }: {
    status?: string;
    reason?: string;
    message?: string;
    details?: {causes?: {reason?: string; message?: string}[]};
  } = JSON.parse(data.toString());
  if (status === 'Success') {
    return {succeeded: true, exitCode: 0};
  }

  const exitCode = details?.causes?.find(cause => cause.reason === 'ExitCode')?.message;
  return reason === 'NonZeroExitCode' && exitCode !== undefined
    ? {succeeded: true, exitCode: Number(exitCode)}
    : {succeeded: false, code: reason ?? 'Internal', message: message ?? 'The stream failed'};
}
