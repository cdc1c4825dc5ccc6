import {once} from 'node:events';
import {connect} from 'node:net';
import {fileURLToPath} from 'node:url';
import {isApiError} from '../../api/client/api-error.ts';
import type {Client} from '../../api/client/client.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {isLoopback, serverAddress} from '../server-address.ts';
import type {SshTarget} from './ssh-target.ts';

/** How ssh gets to a workspace: through a port of its node, through the gateway, or inside the API. */
export type Way =
  | {readonly kind: 'node'; readonly host: string; readonly port: number}
  | ({readonly kind: 'gateway'} & GatewayTarget)
  | {
      readonly kind: 'stdio';
      /** The program that carries it, to which the workspace's name is added. */
      readonly command: readonly string[];
    };

export type GatewayTarget = {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly hostKey: string;
};

export const wayNames = ['auto', 'node', 'gateway', 'stdio'] as const;
export type WayName = (typeof wayNames)[number];

/** Milliseconds until a port that does not answer counts as out of reach. */
const patience = 2000;

/** Throws CliError. */
export function parseWay(text = 'auto'): WayName {
  const found = wayNames.find(name => name === text);
  if (found === undefined) {
    throw new CliError('usage', `--via is one of ${wayNames.join(', ')}, not "${text}"`);
  }

  return found;
}

/**
 * The first that works from here: the node's port, since nothing lies between; the gateway; the API, which whoever got this far can reach. One that
 * was asked for by name is not tried. Throws CliError when there is no such way.
 */
export async function findWay(
  cli: Cli,
  client: Client,
  {target, via}: {readonly target: SshTarget; readonly via: WayName},
): Promise<Way> {
  const {url, own} = await serverAddress(cli);
  const isHere = own || isLoopback(url);
  const stdio: Way = {kind: 'stdio', command: stdioCommand()};
  switch (via) {
    case 'stdio':
      return stdio;
    case 'node':
      return {kind: 'node', ...(target.node ?? missing(target.name))};
    case 'gateway': {
      return {kind: 'gateway', ...((await findGateway(client, url)) ?? noGateway())};
    }

    case 'auto': {
      const {node} = target;
      if (node !== undefined && (await answers(node, isHere))) {
        return {kind: 'node', ...node};
      }

      const gateway = await findGateway(client, url);
      return gateway !== undefined && (await answers(gateway, isHere))
        ? {kind: 'gateway', ...gateway}
        : stdio;
    }
  }
}

/** Where the server's gateway is for users of this address of the server; undefined when it has none. */
export async function findGateway(client: Client, url: string): Promise<GatewayTarget | undefined> {
  try {
    const {enabled, host, port, username, host_key: hostKey} = await client.gateway();
    if (!enabled || port === null || hostKey === null) {
      return undefined;
    }

    return {host: host ?? new URL(url).hostname.replace(/^\[|\]$/g, ''), port, username, hostKey};
  } catch (error) {
    // A server of a version that had none.
    if (isApiError(error, 'NotFound')) {
      return undefined;
    }

    throw error;
  }
}

/** A program that joins its standard input and output with the sshd of the workspace that it is given. */
function stdioCommand(): readonly string[] {
  return [process.execPath, fileURLToPath(new URL('../nexus.js', import.meta.url)), 'ssh', '--stdio'];
}

/** Loopback of a node or server elsewhere is not ours. */
async function answers({host, port}: {host: string; port: number}, isHere: boolean): Promise<boolean> {
  if (!isHere && isLoopback(`http://${host.includes(':') ? `[${host}]` : host}`)) {
    return false;
  }

  const socket = connect({host, port});
  try {
    await once(socket, 'connect', {signal: AbortSignal.timeout(patience)});
    return true;
  } catch {
    return false;
  } finally {
    socket.on('error', () => undefined);
    socket.destroy();
  }
}

function missing(name: string): never {
  throw new CliError('conflict', `workspace ${name} has no ssh port of its node`, {
    hint: 'All may be taken: leave --via out, or give --via gateway.',
  });
}

function noGateway(): never {
  throw new CliError('conflict', 'the server has no ssh gateway', {
    hint: 'Leave --via out, or give --via stdio; an administrator turns it on with: nexus server --gateway-port 2200',
  });
}
