import {readFile} from 'node:fs/promises';
import type {RequestOptions} from 'node:https';
import {isDeepStrictEqual} from 'node:util';
import type {Dispatcher} from 'undici';
import {Agent, ProxyAgent, Socks5ProxyAgent} from 'undici';
import {z} from 'zod';
import type {Clock} from '../../effects/clock.ts';
import type {ClusterConfig} from './cluster-config.ts';

/** What a request to the API server carries, and the connections it goes over. */
export type Access = {readonly headers: Readonly<Record<string, string>>; readonly dispatcher: Dispatcher};

export type Credentials = AsyncDisposable & {
  /** As the kubeconfig has it now: files of tokens and plugins are asked again every minute. */
  current(): Promise<Access>;
  /** The API server did not accept what {@link current} gave. */
  refuse(): void;
};

/** Milliseconds for which tokens and certificates are not looked up again. */
const lifetime = 60_000;

/** Connections are kept, and made anew only when certificates change: the client's own would open one for each request. */
export function createCredentials({config}: ClusterConfig, clock: Clock): Credentials {
  let known: {access: Access; made: Connecting; until: number} | undefined;
  let loading: Promise<Access> | undefined;
  const retired: Dispatcher[] = [];

  const load = async (): Promise<Access> => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const made = {tls: tlsOf(options), proxy: config.getCurrentCluster()?.proxyUrl};
    const headers = {...headersOf(options), ...(await tokenHeader(config))};
    const same =
      known !== undefined && isDeepStrictEqual(known.made, made) ? known.access.dispatcher : undefined;
    if (known !== undefined && same === undefined) {
      // Watches may still run on it.
      retired.push(known.access.dispatcher);
    }

    const access = {headers, dispatcher: same ?? connect(made)};
    known = {access, made, until: clock.now() + lifetime};
    return access;
  };

  return {
    async current() {
      if (known !== undefined && clock.now() < known.until) {
        return known.access;
      }

      loading ??= load().finally(() => {
        loading = undefined;
      });
      return loading;
    },
    refuse() {
      if (known !== undefined) {
        known.until = 0;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [...retired, ...(known === undefined ? [] : [known.access.dispatcher])].map(each => each.destroy()),
      );
    },
  };
}

const tokenFileOf = z.object({tokenFile: z.string().optional()});

/** As Node's TLS has them. */
type Tls = Pick<
  RequestOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'rejectUnauthorized' | 'servername'
>;

type Connecting = {readonly tls: Tls; readonly proxy: string | undefined};

/** Milliseconds. The time between two bytes of an answer is the callers' affair: a watch is silent for long. */
const timeouts = {headersTimeout: 30_000, bodyTimeout: 0};

/** Over HTTP/2 all would share one connection, and giving up a request would not end it when it is dead without having said so. */
const protocol = {allowH2: false};
const connectWithin = 5000;

function tlsOf(options: RequestOptions): Tls {
  const names = ['ca', 'cert', 'key', 'passphrase', 'pfx', 'rejectUnauthorized', 'servername'] as const;
  return Object.fromEntries(
    names.flatMap(name => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}

function connect({tls, proxy}: Connecting): Dispatcher {
  if (proxy === undefined) {
    return new Agent({...timeouts, ...protocol, connect: {...definite(tls), timeout: connectWithin}});
  }

  return proxy.startsWith('socks')
    ? new Socks5ProxyAgent(proxy, {...timeouts, ...protocol, requestTls: definite(tls)})
    : new ProxyAgent({...timeouts, ...protocol, uri: proxy, requestTls: definite(tls)});
}

/** {@link tlsOf} leaves out what is undefined, which undici's types insist on. */
function definite(tls: Tls): {readonly [P in keyof Tls]?: Exclude<Tls[P], undefined>} {
  return tls as {readonly [P in keyof Tls]?: Exclude<Tls[P], undefined>};
}

/** A pod's token is replaced while it is still valid for a while; the client would go on with the one that it read first for up to a minute after it was refused. */
async function tokenHeader(config: ClusterConfig['config']): Promise<Record<string, string>> {
  const {tokenFile} = tokenFileOf.parse(config.getCurrentUser()?.authProvider?.config ?? {});
  return tokenFile === undefined
    ? {}
    : {Authorization: `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`};
}

function headersOf({headers = {}, auth}: RequestOptions): Record<string, string> {
  const given = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  const basic = auth === undefined || auth === null ? undefined : Buffer.from(auth).toString('base64');
  return {...Object.fromEntries(given), ...(basic === undefined ? {} : {Authorization: `Basic ${basic}`})};
}
