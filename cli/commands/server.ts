import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {pino} from 'pino';
import {systemRandom} from '../../api/effects/random.ts';
import type {LeaseTimes} from '../../api/storage/kubernetes/elector.ts';
import {createConnectToNode} from '../../controller/agent-client/connect-to-node.ts';
import {createSshPool} from '../../controller/agent-client/ssh-pool.ts';
import {createAgentInstaller} from '../../controller/agent-install/installer.ts';
import {createAgentPackages} from '../agent-package/agent-packages.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {createAgentUpgrader} from '../server/agent-upgrader.ts';
import type {StoreChoice} from '../server/open-store.ts';
import type {ServeOptions} from '../server/serve.ts';
import {serve} from '../server/serve.ts';
import {storeChoice} from '../server/store-choice.ts';
import {isLoopback} from '../server-address.ts';
import {ownKeyFile} from '../ssh/identity.ts';

export type ServerCommandOptions = {
  readonly home?: string;
  readonly store: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly keys?: string;
  readonly leaseDuration?: string;
  readonly bundles?: string;
  /** false: this machine is none. */
  readonly localNode: boolean;
  readonly host: string;
  readonly port: string;
  /** false: none. */
  readonly gateway: boolean;
  readonly gatewayHost: string;
  readonly gatewayPort?: string;
  readonly gatewayAddress?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly allowHost?: readonly string[];
  readonly corsOrigin?: readonly string[];
  readonly openRegistration?: boolean;
  readonly logLevel: string;
};

const levels = ['debug', 'info', 'warn', 'error'];

/** Serves until interrupted, then drains. Logs to standard error, a JSON object a line. */
export async function server(cli: Cli, options: ServerCommandOptions): Promise<void> {
  if (!levels.includes(options.logLevel)) {
    throw new CliError('usage', `--log-level is one of ${levels.join(', ')}`);
  }

  const home = options.home === undefined ? cli.home : path.resolve(cli.cwd, options.home);
  const port = parsePort(options.port);
  const gateway = gatewayOf(options);
  const store = storeOf(cli, options);
  const tls = await readTls(options);
  if (
    tls === undefined &&
    !isLoopback(`http://${options.host.includes(':') ? `[${options.host}]` : options.host}`)
  ) {
    throw new CliError('usage', `on ${options.host} tokens would cross the network in the clear`, {
      hint: 'Give --tls-cert and --tls-key, or listen on loopback behind a proxy that has TLS.',
    });
  }

  const log = pino({level: options.logLevel, base: null, messageKey: 'message'}, pino.destination(2));
  const entry = fileURLToPath(new URL('../nexus.js', import.meta.url));
  const env = {...cli.env, NEXUS_HOME: home};
  await using ssh = createSshPool({clock: cli.clock});
  const packages = createAgentPackages({home, env, version: cli.version});
  const installer = createAgentInstaller({packages, clock: cli.clock});
  const connect = createConnectToNode({
    localCommand: [process.execPath, entry, 'agent', '--stdio'],
    env,
    identityFile: ownKeyFile(home),
    ssh,
    clock: cli.clock,
    log,
  });
  try {
    await using running = await serve({
      home,
      store,
      host: options.host,
      port,
      connect,
      installer,
      upgrader: createAgentUpgrader({
        packages,
        installer,
        ssh,
        identityFile: ownKeyFile(home),
        localCommand: [process.execPath, entry],
        env,
        version: cli.version,
      }),
      log,
      version: cli.version,
      clock: cli.clock,
      random: systemRandom,
      localNode: options.localNode,
      ...(options.bundles === undefined ? {} : {bundles: path.resolve(cli.cwd, options.bundles)}),
      ...(tls === undefined ? {} : {tls}),
      ...(gateway === undefined ? {} : {gateway}),
      ...(options.allowHost === undefined ? {} : {allowedHosts: options.allowHost}),
      ...(options.corsOrigin === undefined ? {} : {corsOrigins: options.corsOrigin}),
      ...(options.openRegistration === undefined ? {} : {openRegistration: true}),
    });
    cli.note(`Listening on ${running.url}`);
    if (running.gatewayPort !== undefined) {
      cli.note(`ssh gateway on ${options.gatewayHost}, port ${running.gatewayPort}`);
    }

    await Promise.race([running.stopped, aborted(cli.signal)]);
    log.info({}, 'nexus server drains');
  } catch (error) {
    throw explain(error, options);
  }
}

function gatewayOf(options: ServerCommandOptions): ServeOptions['gateway'] {
  const {gateway, gatewayPort, gatewayHost: host, gatewayAddress: publicHost} = options;
  return gateway
    ? {
        host,
        ...(gatewayPort === undefined ? {} : {port: parsePort(gatewayPort, '--gateway-port')}),
        ...(publicHost === undefined ? {} : {publicHost}),
      }
    : undefined;
}

function storeOf(cli: Cli, options: ServerCommandOptions): StoreChoice {
  const {store, keys, leaseDuration} = options;
  const choice = storeChoice(cli, store, options);
  if (choice.kind === 'kubernetes') {
    return {
      ...choice,
      ...(keys === undefined ? {} : {keys: path.resolve(cli.cwd, keys)}),
      ...(leaseDuration === undefined ? {} : {leaseTimes: leaseTimesOf(leaseDuration)}),
    };
  }

  const stray = Object.entries({keys, 'lease-duration': leaseDuration}).find(
    ([, value]) => value !== undefined,
  );
  if (stray !== undefined) {
    throw new CliError('usage', `--${stray[0]} is for --store kubernetes`);
  }

  return choice;
}

/** The other times are in proportion, as client-go has them. */
function leaseTimesOf(text: string): LeaseTimes {
  const seconds = Number(text);
  if (!/^\d{1,4}$/.test(text) || seconds < 2 || seconds > 3600) {
    throw new CliError('usage', `--lease-duration wants seconds, from 2 to 3600, not "${text}"`);
  }

  return {
    duration: seconds * 1000,
    deadline: (seconds * 2000) / 3,
    retry: Math.round((seconds * 2000) / 15),
  };
}

function parsePort(text: string, option = '--port'): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new CliError('usage', `${option} wants a number up to 65535, not "${text}"`);
  }

  return port;
}

async function readTls({
  tlsCert,
  tlsKey,
}: ServerCommandOptions): Promise<{certificate: string; key: string} | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) {
    return undefined;
  }

  if (tlsCert === undefined || tlsKey === undefined) {
    throw new CliError('usage', '--tls-cert and --tls-key go together');
  }

  try {
    return {certificate: await readFile(tlsCert, 'utf8'), key: await readFile(tlsKey, 'utf8')};
  } catch (error) {
    throw new CliError('usage', 'the certificate or its key can not be read', {cause: error});
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const {promise, resolve} = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), {once: true});
  if (signal.aborted) {
    resolve();
  }

  return promise;
}

function explain(error: unknown, options: ServerCommandOptions): unknown {
  const {host, port} = options;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const gateway = gatewayOf(options);
  if (error instanceof Error && 'port' in error && error.port === gateway?.port && `${error.port}` !== port) {
    return new CliError('conflict', `the ssh gateway can't have port ${gateway?.port} of ${gateway?.host}`, {
      hint: 'Choose another with --gateway-port, 0 for any that is free, or --no-gateway for none.',
      cause: error,
    });
  }

  if (code === 'EADDRINUSE') {
    return new CliError('conflict', `port ${port} of ${host} is in use by another program`, {
      hint: 'Choose another with --port, or 0 for any that is free.',
      cause: error,
    });
  }

  if (error instanceof Error && error.message.startsWith('The store ')) {
    return new CliError('conflict', error.message);
  }

  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return new CliError('failed', `can't listen on ${host}:${port}`, {cause: error});
  }

  return error;
}
