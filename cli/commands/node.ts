import {createInterface} from 'node:readline/promises';
import type {Client} from '../../api/client/client.ts';
import {isStorageError} from '../../api/storage/storage-error.ts';
import {age} from '../../api/v1alpha1/age.ts';
import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {apiVersion} from '../../api/v1alpha1/metadata.ts';
import {node as nodeSchema} from '../../api/v1alpha1/node.ts';
import {sshFingerprint} from '../../api/v1alpha1/ssh-fingerprint.ts';
import {parseWith} from '../../api/v1alpha1/validate.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError, exitCodes} from '../exit-code.ts';
import {scanHostKey} from '../ssh/scan-host-key.ts';

export type NodeAddOptions = {
  readonly user: string;
  readonly port: string;
  readonly identity?: string;
  readonly hostKey?: string;
  readonly label?: readonly string[];
  readonly yes?: boolean;
};

export async function addNode(
  cli: Cli,
  {name, address}: {readonly name: string; readonly address: string},
  options: NodeAddOptions,
): Promise<void> {
  const hostKey = options.hostKey ?? (await confirmHostKey(cli, address, options));
  const node = parseNode({
    apiVersion,
    kind: 'Node',
    metadata: {name, ...(options.label === undefined ? {} : {labels: parseLabels(options.label)})},
    spec: {
      address,
      user: options.user,
      port: Number(options.port),
      hostKey,
      ...(options.identity === undefined ? {} : {identityFile: options.identity}),
    },
  });
  await using client = await connect(cli);
  await client.create('Node', node, {signal: cli.signal});
  cli.print(`node/${name} created`);
  if (options.identity === undefined) {
    cli.note(
      `The server logs in as ${options.user} with its own key, which must be in authorized_keys there: $NEXUS_HOME/keys/id_ed25519.pub on its machine`,
    );
  }

  cli.note(`Its agent is looked for now: nexus wait node/${name} --for=condition=Ready`);
}

/**
 * Checks what a user would: is it reached, with the pinned key, and does its agent answer. The last is the server's to see: what it has written
 * down of that is waited for until it is good and fresh, for 10 seconds at most, and told with its age. Answers with the exit code.
 */
export async function testNode(cli: Cli, name: string): Promise<number> {
  await using client = await connect(cli);
  const {spec, status} = await observe(cli, client, name);
  const results: [ok: boolean, text: string][] = [];
  if (!spec.local) {
    const {publicKey} = await scanHostKey(spec.address, spec.port, cli.signal);
    results.push([true, `sshd answers at ${spec.address}:${spec.port}`]);
    results.push([
      publicKey === spec.hostKey,
      publicKey === spec.hostKey
        ? 'it shows the host key that is pinned'
        : `it shows another host key than the pinned one: ${sshFingerprint(publicKey)}. If the machine was installed anew, remove the node and add it again.`,
    ]);
  }

  const ready = findCondition(status?.conditions, 'Ready');
  const heard = status?.heartbeatAt;
  const heardText = heard === undefined ? 'never heard' : `last heard ${age(heard, cli.clock.now())} ago`;
  results.push([
    ready?.status === 'True' && isFresh(heard, cli.clock.now()),
    `its agent: ${ready?.message ?? 'nothing is known yet'} (${heardText}, by what the server has written down)`,
  ]);
  for (const provider of status?.providers ?? []) {
    results.push([
      provider.ready,
      `${provider.name}: ${provider.backend} ${provider.version}${provider.ready ? '' : `: ${provider.message ?? 'not ready'}`}`,
    ]);
  }

  for (const [ok, text] of results) {
    cli.print(`${ok ? cli.style('good', '✓') : cli.style('bad', '✗')} ${text}`);
  }

  return results.every(([ok]) => ok) ? exitCodes.ok.code : exitCodes.failed.code;
}

/** Milliseconds to wait for good news of a node. */
const patience = 10_000;

/** The server writes a heartbeat down once a minute, or with other news; milliseconds, with some delay allowed for. */
const freshness = 75_000;

function isFresh(heartbeatAt: string | undefined, now: number): boolean {
  return heartbeatAt !== undefined && now - Date.parse(heartbeatAt) < freshness;
}

async function observe(cli: Cli, client: Client, name: string): Promise<Stored<'Node'>> {
  const until = cli.clock.now() + patience;
  for (let attempt = 0; ; attempt++) {
    const node = await client.get('Node', name, {signal: cli.signal});
    const now = cli.clock.now();
    const isReady = findCondition(node.status?.conditions, 'Ready')?.status === 'True';
    if ((isReady && isFresh(node.status?.heartbeatAt, now)) || now >= until) {
      return node;
    }

    if (attempt === 0) {
      cli.note(`Waiting up to ${patience / 1000} s for news of node ${name}`);
    }

    await cli.clock.sleep(1000, cli.signal);
  }
}

export async function removeNode(cli: Cli, name: string): Promise<void> {
  await using client = await connect(cli);
  const {items} = await client.list('Workspace', {fieldSelector: `status.node=${name}`, signal: cli.signal});
  if (items.length > 0) {
    throw new CliError(
      'conflict',
      `node ${name} still has ${items.length} ${items.length === 1 ? 'workspace' : 'workspaces'}`,
      {
        details: items.slice(0, 10).map(({metadata}) => `workspace/${metadata.name}`),
        hint: 'Delete them first; with --force if the node is gone for good.',
      },
    );
  }

  await client.delete('Node', name, {signal: cli.signal});
  cli.print(`node/${name} removed`);
}

export async function setUnschedulable(cli: Cli, word: string, unschedulable: boolean): Promise<void> {
  const name = word.replace(/^nodes?\//, '');
  await using client = await connect(cli);
  const before = await client.get('Node', name, {signal: cli.signal});
  const done = unschedulable ? 'cordoned' : 'uncordoned';
  if (before.spec.unschedulable === unschedulable) {
    cli.print(`node/${name} was ${done} already`);
    return;
  }

  await client.patch('Node', name, {patch: {spec: {unschedulable}}, signal: cli.signal});
  cli.print(`node/${name} ${done}`);
}

async function confirmHostKey(cli: Cli, address: string, {port, yes}: NodeAddOptions): Promise<string> {
  const {publicKey} = await scanHostKey(address, Number(port), cli.signal);
  cli.note(`${address} shows the host key ${publicKey.split(' ')[0]} ${sshFingerprint(publicKey)}`);
  if (yes === true) {
    return publicKey;
  }

  if (cli.stdin.isTTY !== true) {
    throw new CliError('refused', 'nobody is there to compare the host key', {
      hint: 'Compare it with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the machine, then add --yes.',
    });
  }

  const ask = createInterface({input: cli.stdin, output: cli.stderr});
  try {
    const answer = await ask.question('Is that the key of this machine (yes/no)? ', {signal: cli.signal});
    if (!/^y(?:es)?$/i.test(answer.trim())) {
      throw new CliError('refused', 'the host key was not accepted; nothing was added');
    }
  } finally {
    ask.close();
  }

  return publicKey;
}

function parseNode(input: unknown) {
  try {
    return parseWith(nodeSchema, input, 'The node');
  } catch (error) {
    if (isStorageError(error, 'Invalid')) {
      throw new CliError('usage', 'the node is not valid', {
        details: error.issues.map(({path, message}) => `${path} ${message}`),
        cause: error,
      });
    }

    throw error;
  }
}

function parseLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map(text => {
      const [key = '', ...value] = text.split('=');
      if (value.length === 0) {
        throw new CliError('usage', `--label wants KEY=VALUE, not "${text}"`);
      }

      return [key, value.join('=')];
    }),
  );
}
