import {rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import type {Registry} from 'prom-client';
import {collectDefaultMetrics, Registry as MetricsRegistry} from 'prom-client';
import {agentHome, ensureInstallation} from '../../agent/system/agent-home.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {Logger} from '../../api/effects/logger.ts';
import type {Random} from '../../api/effects/random.ts';
import {createApp} from '../../api/server/app.ts';
import {ensureAdmin} from '../../api/server/ensure-admin.ts';
import {createGithubIdentity} from '../../api/server/github-identity.ts';
import {listen} from '../../api/server/listen.ts';
import {loadSecretKey} from '../../api/storage/credential-key.ts';
import {createCredentialStore} from '../../api/storage/credential-store.ts';
import {createFsBundleStore} from '../../api/storage/fs-bundle-store.ts';
import type {AgentInstaller} from '../../controller/agent-client/agent-installer.ts';
import type {Connect} from '../../controller/agent-client/connect.ts';
import {createReaders} from '../../controller/agent-client/readers.ts';
import {createCaches} from '../../controller/caches.ts';
import {createControllerMetrics} from '../../controller/metrics.ts';
import {createNodeSetup} from '../../controller/node-setup/node-setup.ts';
import type {AgentUpgrader} from '../../controller/rollout/agent-upgrader.ts';
import {ensureHome} from '../home.ts';
import {processStart} from '../process-start.ts';
import type {ServerRecord} from '../server-address.ts';
import {serverPortFile, serverRecordFile} from '../server-address.ts';
import {ownKeyFile} from '../ssh/identity.ts';
import {createBaseImageFile} from './base-image-file.ts';
import {collectBundles} from './collect-bundles.ts';
import {createConnectReader} from './connect-reader.ts';
import {controllerHealth} from './controller-health.ts';
import {createIdentities} from './identities.ts';
import {accessByController, accessByReaders} from './instance-access.ts';
import {registerLeaderMetrics} from './leader-metrics.ts';
import {createLeadership} from './leadership.ts';
import {createLiveInstances} from './live-instances.ts';
import {ensureLocalNode} from './local-node.ts';
import {createNodeViews} from './node-views.ts';
import type {GatewayChoice} from './open-gateway.ts';
import {openGateway} from './open-gateway.ts';
import type {StoreChoice} from './open-store.ts';
import {openStore} from './open-store.ts';
import {loadOwnCertificate} from './own-certificate.ts';
import {runGateway} from './run-gateway.ts';
import {createWatchedTokens} from './watched-tokens.ts';

export type ServeOptions = {
  readonly home: string;
  /** SQLite in `home` by default. */
  readonly store?: StoreChoice;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** PEM. */
  readonly tls?: {readonly certificate: string; readonly key: string};
  /** Where the ssh gateway listens; without it there is none. */
  readonly gateway?: GatewayChoice;
  readonly allowedHosts?: readonly string[];
  readonly corsOrigins?: readonly string[];
  readonly openRegistration?: boolean;
  /** Of the REST API of GitHub; the public one by default. */
  readonly githubUrl?: string;
  /** How nodes are reached. */
  readonly connect: Connect;
  /** How the agent gets onto machines. */
  readonly installer: AgentInstaller;
  /** How agents become this server's version; without it they stay as they are. */
  readonly upgrader?: AgentUpgrader;
  /** A folder for uploaded commits, which servers of one store may share; in `home` by default. */
  readonly bundles?: string;
  /** Whether this machine is declared as the Node `local`; it is by default. */
  readonly localNode?: boolean;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};

export type Server = AsyncDisposable & {
  readonly url: string;
  /** Port of the ssh gateway. */
  readonly gatewayPort: number | undefined;
  /** Rejects when it can't go on; resolves once it is disposed of. */
  readonly stopped: Promise<void>;
};

/**
 * The whole control plane in this process, on one store: API, gateway and, while this server leads, controller and maintenance. Disposing of it drains: no
 * new requests, those that run are answered, reconciles end, the store is closed last. Throws when another server uses this SQLite file.
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const {home, clock, random, log} = options;
  await ensureHome(home);
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await openStore(options.store ?? {kind: 'sqlite'}, options));
  const {storage} = store;
  const stopping = new AbortController();
  await store.shareHome(stopping.signal);

  const {created} = await ensureAdmin({storage, path: path.join(home, 'admin-token'), clock, random});
  if (created) {
    log.info({file: path.join(home, 'admin-token')}, 'the token of the admin has been written');
  }

  if (options.localNode ?? true) {
    await ensureLocalNode(storage);
  }

  const credentials = createCredentialStore({
    storage,
    key: await loadSecretKey(path.join(home, 'secret.key'), random),
    random,
  });
  const bundles = createFsBundleStore({
    directory: options.bundles ?? path.join(home, 'bundles'),
    clock,
    random,
  });
  const collection = collectBundles({storage, bundles, clock, log}, stopping.signal);
  stack.defer(async () => {
    stopping.abort();
    await collection;
  });
  const gateway = options.gateway && (await openGateway(options.gateway, options));
  stack.use(gateway?.listening);
  const registry: Registry = new MetricsRegistry();
  collectDefaultMetrics({register: registry});
  const installation = await ensureInstallation(agentHome(home));
  const parts = {storage, clock, random, log, registry, installation};
  const caches = createCaches(parts);
  const isAlone = store.standing() === undefined;
  const isHeard = () => store.standing()?.heard === true;
  const watchedTokens = isAlone ? undefined : createWatchedTokens({...parts, caches, isHeard});
  const following = Promise.all([caches.run(stopping.signal), watchedTokens?.run(stopping.signal)]);
  stack.defer(async () => {
    stopping.abort();
    await following;
  });

  const leadership = createLeadership({
    ...parts,
    store,
    caches,
    credentials,
    bundles,
    metrics: createControllerMetrics(registry, clock),
    connect: options.connect,
    ...(options.upgrader === undefined ? {} : {upgrader: options.upgrader}),
    ...(gateway === undefined ? {} : {gateway: gateway.place}),
  });
  registerLeaderMetrics(registry, leadership.acts);
  const retiring = new AbortController();
  const campaign = store.campaign(leadership.lead, retiring.signal);
  campaign.catch(() => undefined);
  stack.defer(async () => {
    retiring.abort();
    await campaign.catch(() => undefined);
  });
  if (isAlone) {
    await Promise.race([leadership.began, campaign]);
  }

  const connectReader = createConnectReader({connect: options.connect, socket: agentHome(home).socket, log});
  const readers = stack.use(createReaders({...parts, connect: connectReader}));
  if (gateway !== undefined) {
    const view = (node: string) => leadership.agents()?.view(node);
    stack.use(runGateway({...gateway, ...parts, caches, readers, controller: {view}}));
  }

  const {host, port, tls} = options;
  const own =
    tls === undefined ? await loadOwnCertificate(path.join(home, 'tls.pem'), {clock, random}) : undefined;
  const app = createApp({
    storage,
    ...(watchedTokens === undefined ? {} : {tokenCache: watchedTokens}),
    store: store.description,
    ...(own === undefined ? {} : {certificate: own.certificate}),
    bundles,
    credentials,
    clock,
    random,
    log,
    registry,
    live: createLiveInstances(
      isAlone ? accessByController(leadership.agents) : accessByReaders(readers, caches),
      caches,
    ),
    nodeSetup: createNodeSetup({
      clock,
      storage,
      agents: createNodeViews({leadership, readers, caches, signal: stopping.signal}),
      installation,
      installer: options.installer,
      identity: createIdentities({home, installation}),
      images: {
        container: createBaseImageFile(path.join(home, 'images', 'base.tar.zst')),
        machine: createBaseImageFile(path.join(home, 'images', 'base.machine.tar')),
      },
    }),
    github: createGithubIdentity(options.githubUrl === undefined ? {} : {baseUrl: options.githubUrl}),
    version: options.version,
    controllerHealth: () => controllerHealth({leadership, caches, standing: store.standing()}),
    ...(gateway === undefined ? {} : {gateway: {...gateway.place, hostKey: gateway.hostKey.publicKey}}),
    ...(options.allowedHosts === undefined ? {} : {allowedHosts: options.allowedHosts}),
    ...(options.corsOrigins === undefined ? {} : {corsOrigins: options.corsOrigins}),
    ...(options.openRegistration === undefined ? {} : {openRegistration: options.openRegistration}),
  });
  const listening = stack.use(
    await listen(app, {
      host,
      port,
      ...(tls === undefined ? {} : {tls}),
      ...(own === undefined ? {} : {alsoTls: own}),
    }),
  );
  const {pid} = process;
  stack.use(await writeRecord(home, {url: reachable(listening.url), pid, started: await processStart(pid)}));
  if (port !== 0) {
    await writeFile(serverPortFile(home), `${port}\n`, {mode: 0o600});
  }

  log.info({url: listening.url, identity: ownKeyFile(home), gateway: gateway?.place}, 'nexus server is up');

  const running = stack.move();
  return {
    url: listening.url,
    gatewayPort: gateway?.listening.port,
    stopped: campaign,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** An address that stands for all of this machine's is reached on its loopback. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

/** Tells commands of the same home where the server is, for as long as it is there. */
async function writeRecord(home: string, record: ServerRecord): Promise<AsyncDisposable> {
  const file = serverRecordFile(home);
  await writeFile(file, `${JSON.stringify(record)}\n`, {mode: 0o600});
  return {
    async [Symbol.asyncDispose]() {
      await rm(file, {force: true});
    },
  };
}
