import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {CliError} from './exit-code.ts';
import {isRunning} from './process-start.ts';
import {readSettings} from './settings.ts';

const defaultPort = 3001;

export type ServerAddress = {
  readonly url: string;
  /** PEM. */
  readonly ca?: string;
  /** Whether it is known to be this installation's own server, which runs: only that one is shown the admin's token. */
  readonly own: boolean;
};

/** What `nexus server` leaves in its home while it runs, so that commands of the same home find it. */
export type ServerRecord = {
  readonly url: string;
  readonly pid: number;
  /** As `processStart` tells it. */
  readonly started?: string | undefined;
};

export function serverRecordFile(home: string): string {
  return path.join(home, 'server.json');
}

/** Where the home's server listens, or listened last. */
export function serverPortFile(home: string): string {
  return path.join(home, 'server.port');
}

type Options = {readonly home: string; readonly env: Readonly<Record<string, string | undefined>>};

/** Which server to talk to: `NEXUS_SERVER`, else config.yaml, else the one of this home, else this machine's port that it had last, or 3001. */
export async function serverAddress({home, env}: Options): Promise<ServerAddress> {
  const settings = await readSettings(home);
  const record = await readServerRecord(home);
  const given = env.NEXUS_SERVER ?? settings.server;
  const url =
    given === undefined || given === ''
      ? (record?.url ?? `http://127.0.0.1:${await readLastPort(home)}`)
      : addressUrl(given, settings.server_port);
  // Whatever else answers at a port of this machine may be another installation.
  const own = record?.url === url;
  const caFile = env.NEXUS_CA ?? settings.server_ca;
  return {url, own, ...(caFile === undefined ? {} : {ca: await readPem(caFile)})};
}

/** `host`, `host:port` and whole addresses; http for this machine, https for any other unless it is said. */
export function addressUrl(given: string, port: number): string {
  if (/^https?:\/\//.test(given)) {
    return given.replace(/\/+$/, '');
  }

  const host = /:\d+$/.test(given) || given.endsWith(']') ? given : `${given}:${port}`;
  const withPort = given.endsWith(']') ? `${given}:${port}` : host;
  const url = `https://${withPort}`;
  if (!URL.canParse(url)) {
    throw new CliError('usage', `"${given}" is not the address of a server`, {
      hint: 'It looks like nexus.example.com, 10.0.0.5:3001 or https://nexus.example.com.',
    });
  }

  return isLoopback(url) ? `http://${withPort}` : url;
}

export function isLoopback(url: string): boolean {
  const {hostname} = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * The token for a server: `NEXUS_TOKEN`, else `$NEXUS_HOME/token`, else, for this installation's own server, the admin's. Undefined when there
 * is none.
 */
export async function findToken(
  {home, env}: Options,
  address: Pick<ServerAddress, 'own'>,
): Promise<string | undefined> {
  const given = env.NEXUS_TOKEN;
  if (given !== undefined && given !== '') {
    return given.trim();
  }

  return (
    (await readSecret(path.join(home, 'token'))) ??
    (address.own ? await readSecret(path.join(home, 'admin-token')) : undefined)
  );
}

async function readServerRecord(home: string): Promise<ServerRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(serverRecordFile(home), 'utf8'));
    // A server that was killed leaves its record behind.
    return isServerRecord(value) && (await isRunning(value)) ? value : undefined;
  } catch {
    // No server runs here, or it is just writing: the next source decides.
    return undefined;
  }
}

function isServerRecord(value: unknown): value is ServerRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'url' in value &&
    typeof value.url === 'string' &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    (!('started' in value) || typeof value.started === 'string')
  );
}

async function readLastPort(home: string): Promise<number> {
  try {
    const text = (await readFile(serverPortFile(home), 'utf8')).trim();
    return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : defaultPort;
  } catch {
    // No server has run here.
    return defaultPort;
  }
}

async function readSecret(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return undefined;
    }

    throw new CliError('unauthenticated', `the token in ${file} can't be read`, {cause: error});
  }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError('usage', `the certificate authority ${file} can't be read`, {cause: error});
  }
}
