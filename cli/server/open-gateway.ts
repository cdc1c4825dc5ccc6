import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import type {GatewayHostKey} from '../../api/gateway/gateway-host-key.ts';
import {loadGatewayHostKey} from '../../api/gateway/gateway-host-key.ts';
import type {GatewayListening} from '../../api/gateway/listen-gateway.ts';
import {listenGateway} from '../../api/gateway/listen-gateway.ts';
import type {GatewayInfo} from '../../api/server/app-options.ts';

export type GatewayChoice = {
  readonly host: string;
  /** 0 for any that is free. By default the one that it had last, else 2200, else any that is free. */
  readonly port?: number;
  /** The name by which users reach it; by default the address it listens on, or the server's own name. */
  readonly publicHost?: string;
};

export type OpenGateway = {
  readonly listening: GatewayListening;
  readonly hostKey: GatewayHostKey;
  /** What users are told of it. */
  readonly place: Omit<GatewayInfo, 'hostKey'>;
};

/** Clear of those that nodes give to workspaces, 2222 and up. */
const defaultPort = 2200;

/** Holds the gateway's port, and has its host key. Rejects with the system's error when a port that was asked for can't be had. */
export async function openGateway(
  choice: GatewayChoice,
  {home, random, log}: {readonly home: string; readonly random: Random; readonly log: Logger},
): Promise<OpenGateway> {
  const hostKey = await loadGatewayHostKey(path.join(home, 'gateway_host_key'), random);
  const {host, port, publicHost} = choice;
  const listening =
    port === undefined ? await listenSomewhere(host, {home, log}) : await listenGateway({host, port});
  const isAny = host === '0.0.0.0' || host === '::';
  const told = publicHost ?? (isAny ? undefined : host);
  return {listening, hostKey, place: {port: listening.port, ...(told === undefined ? {} : {host: told})}};
}

/** On the same port as before, if it can be had: people have it in their ssh configuration. */
async function listenSomewhere(
  host: string,
  {home, log}: {readonly home: string; readonly log: Logger},
): Promise<GatewayListening> {
  const file = path.join(home, 'gateway.port');
  const port = await lastPort(file);
  let listening: GatewayListening;
  try {
    listening = await listenGateway({host, port});
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) {
      throw error;
    }

    listening = await listenGateway({host, port: 0});
    log.warn(
      {host, port, instead: listening.port},
      'the port of the ssh gateway is taken; it has another one',
    );
  }

  await writeFile(file, `${listening.port}\n`, {mode: 0o600});
  return listening;
}

async function lastPort(file: string): Promise<number> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : defaultPort;
  } catch {
    // There has been no gateway here.
    return defaultPort;
  }
}
