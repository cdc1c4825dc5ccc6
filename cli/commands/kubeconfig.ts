import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {stringify} from 'yaml';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {findToken, isLoopback, serverAddress} from '../server-address.ts';

export type KubeconfigOptions = {
  /** Of cluster, user and context. */
  readonly name: string;
  /** Instead of standard output. */
  readonly output?: string;
};

/** What kubectl needs to work on the resources of this server, the caller's token included. */
export async function kubeconfig(cli: Cli, {name, output}: KubeconfigOptions): Promise<void> {
  const address = await serverAddress(cli);
  const token = await findToken(cli, address);
  if (token === undefined) {
    throw new CliError('unauthenticated', 'there is no token to put into a kubeconfig', {
      hint: 'Set NEXUS_TOKEN, or write the token to a file "token" in $NEXUS_HOME.',
    });
  }

  await using client = await connect(cli);
  const {namespace, certificate} = await client.kubernetesAccess({signal: cli.signal});
  const server = securedUrl(address.url, certificate);
  const authority = server === address.url ? address.ca : (certificate ?? undefined);
  const text = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: {
          server,
          ...(authority === undefined
            ? {}
            : {'certificate-authority-data': Buffer.from(authority).toString('base64')}),
        },
      },
    ],
    users: [{name, user: {token}}],
    contexts: [{name, context: {cluster: name, user: name, namespace}}],
    'current-context': name,
  });
  if (output === undefined) {
    cli.stdout.write(text);
    cli.note('It holds your token: keep it in a file of mode 0600 (--output FILE makes one).');
    return;
  }

  const file = path.resolve(cli.cwd, output);
  await writeNew(file, text);
  cli.note(`${file} is written, for you alone (0600): it holds your token. kubectl reads it by`);
  cli.note(`  export KUBECONFIG=${file}`);
  cli.note('or beside what it has already by');
  cli.note(`  export KUBECONFIG="\${KUBECONFIG:-$HOME/.kube/config}:${file}"   # kubectl --context ${name}`);
}

/** kubectl sends no token without TLS, which the server speaks on the same port of loopback. */
function securedUrl(url: string, certificate: string | null): string {
  if (url.startsWith('https:')) {
    return url;
  }

  if (!isLoopback(url) || certificate === null) {
    throw new CliError('usage', `kubectl sends no token to ${url}: it does so by TLS only`, {
      hint: 'Set NEXUS_SERVER to an https address of the server.',
    });
  }

  return url.replace(/^http:/, 'https:');
}

/** What is there may be somebody's other clusters, or be readable by others. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, {mode: 0o600, flag: 'wx'});
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new CliError('usage', `${file} is there already, and is left as it is`, {
        hint: 'Name a file of its own: KUBECONFIG takes several, with colons between them.',
        cause,
      });
    }

    throw new CliError('usage', `${file} can't be written`, {cause});
  }
}
