import type {Client} from '../../api/client/client.ts';
import type {SetupNodeRequest, StepFinished} from '../../api/node-setup/messages.ts';
import {sshFingerprint} from '../../api/v1alpha1/ssh-fingerprint.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {askYes} from '../node/ask.ts';
import type {StepOutcome} from '../node/follow-steps.ts';
import {createStepHistory} from '../node/follow-steps.ts';
import {installServerKey} from '../node/install-server-key.ts';
import {printSteps} from '../node/print-steps.ts';
import {createStepProgress} from '../node/step-progress.ts';
import {readSecret} from '../secret-input.ts';
import {isLoopback, serverAddress} from '../server-address.ts';

export type NodeAddOptions = {
  readonly user?: string;
  readonly port?: string;
  readonly identity?: string;
  readonly hostKey?: string;
  readonly replaceHostKey?: boolean;
  readonly label?: readonly string[];
  readonly bootstrapPassword?: boolean;
  readonly yes?: boolean;
  readonly output?: string;
};

type Target = {readonly name: string; readonly address: string};

/** How often a password may be mistyped. */
const passwordAttempts = 3;

/**
 * Makes a node of a machine, or repairs one: the server does it, step by step, and this shows it, compares the host key, and sees to it that the server
 * is let in. Throws CliError when a step fails.
 */
export async function addNode(cli: Cli, target: Target, options: NodeAddOptions): Promise<void> {
  const request = requestOf(target, options);
  await using client = await connect(cli);
  const outcome = await setUp(cli, {client, target, request, options});
  if (!outcome.ok) {
    printSteps(cli, {name: target.name, outcome, output: options.output, onlyData: true});
    const failed = outcome.steps.find(({outcome: each}) => each === 'failed');
    const declared = outcome.steps.some(({step}) => step === 'Ready');
    throw new CliError(
      failed?.code === 'HostKeyChanged' || failed?.code === 'HostKeyUnknown' ? 'refused' : 'failed',
      declared
        ? `node ${target.name} is not Ready yet`
        : `node ${target.name} was not added: ${failed?.message}`,
      {hint: 'Run the same command again once that is mended: what was done is kept.'},
    );
  }

  const seconds = (outcome.milliseconds / 1000).toFixed(1);
  printSteps(cli, {
    name: target.name,
    outcome,
    output: options.output,
    text: `node/${target.name} is Ready (${seconds} s)`,
  });
}

type Work = {
  readonly client: Client;
  readonly target: Target;
  readonly request: SetupNodeRequest;
  readonly options: NodeAddOptions;
};

/** Asks the server again and again, each time with what the last answer was short of. */
async function setUp(cli: Cli, {client, target, request: first, options}: Work): Promise<StepOutcome> {
  const history = createStepHistory();
  let request = first;
  let triedOwnKeys = false;
  let passwords = 0;
  const started = cli.clock.now();

  const mayRetry = (failure: StepFinished): boolean => {
    switch (failure.code) {
      case 'HostKeyUnknown': {
        return request.host_key === undefined && (options.yes === true || cli.stdin.isTTY === true);
      }

      case 'HostKeyChanged': {
        return (
          request.replace_host_key !== true &&
          failure.host_key !== undefined &&
          options.replaceHostKey === true &&
          (options.yes === true || cli.stdin.isTTY === true)
        );
      }

      case 'LoginRefused': {
        return (
          failure.public_key !== undefined &&
          (options.bootstrapPassword === true
            ? passwords < (cli.stdin.isTTY === true ? passwordAttempts : 1)
            : !triedOwnKeys)
        );
      }

      default: {
        return false;
      }
    }
  };

  for (;;) {
    let handled: StepFinished | undefined;
    const progress = createStepProgress(cli, {to: 'stderr', isKnown: history.isKnown});
    let outcome: StepOutcome;
    try {
      outcome = await history.follow(
        client.nodes.setUp(target.name, request, {signal: cli.signal}),
        progress,
        failure => {
          const may = mayRetry(failure);
          handled = may ? failure : undefined;
          return may;
        },
      );
    } finally {
      progress[Symbol.dispose]();
    }

    outcome = {...outcome, milliseconds: Math.round(cli.clock.now() - started)};
    if (handled === undefined) {
      return outcome;
    }

    switch (handled.code) {
      case 'HostKeyUnknown':
      case 'HostKeyChanged': {
        request = await agree(cli, {request, failure: handled, yes: options.yes === true});
        break;
      }

      default: {
        if (options.bootstrapPassword === true) {
          if (passwords > 0) {
            cli.note(handled.message);
          }

          passwords += 1;
          request = {...request, password: await readPassword(cli, target, request)};
        } else {
          triedOwnKeys = true;
          await lendOwnKeys(cli, {target, request, history: outcome.steps, failure: handled});
        }
      }
    }
  }
}

/** The request with the key that was shown, once somebody agrees to it. Throws CliError `refused`. */
async function agree(
  cli: Cli,
  {request, failure, yes}: {request: SetupNodeRequest; failure: StepFinished; yes: boolean},
): Promise<SetupNodeRequest> {
  const {host_key: shown = '', code} = failure;
  const agreed = {
    ...request,
    host_key: shown,
    ...(code === 'HostKeyChanged' ? {replace_host_key: true} : {}),
  };
  if (code === 'HostKeyChanged') {
    cli.note(failure.message);
  } else {
    cli.note(`The machine shows the host key ${shown.split(' ')[0]} ${sshFingerprint(shown)}`);
  }

  if (yes) {
    return agreed;
  }

  cli.note('Compare it on that machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
  if (await askYes(cli, 'Is that the key of this machine')) {
    return agreed;
  }

  throw new CliError('refused', 'the host key was not accepted; nothing was added');
}

async function readPassword(cli: Cli, {address}: Target, {user = 'root'}: SetupNodeRequest): Promise<string> {
  const {url} = await serverAddress(cli);
  if (!url.startsWith('https:') && !isLoopback(url)) {
    throw new CliError('refused', `the password would cross the network to ${url} in the clear`, {
      hint: 'Reach the server over https, or run this on its machine.',
    });
  }

  const password = await readSecret(cli, `Password of ${user}@${address}: `);
  if (password === '') {
    throw new CliError('usage', 'no password was given; nothing was added');
  }

  return password;
}

/** Where the user's own ssh opens the account already, the server's key is put there by it. */
async function lendOwnKeys(
  cli: Cli,
  {
    target: {address},
    request,
    history,
    failure,
  }: {
    readonly target: Target;
    readonly request: SetupNodeRequest;
    readonly history: readonly StepFinished[];
    readonly failure: StepFinished;
  },
): Promise<void> {
  const hostKey = history.find(({step}) => step === 'HostKey')?.host_key;
  const {user = 'root', port = 22} = request;
  if (hostKey === undefined || failure.public_key === undefined) {
    return;
  }

  const installed = await installServerKey(cli, {
    address,
    port,
    user,
    hostKey,
    publicKey: failure.public_key,
  });
  if (installed) {
    cli.note(`  Your own ssh opens ${user}@${address}: it has put the server's key there.`);
  }
}

function requestOf({address}: Target, options: NodeAddOptions): SetupNodeRequest {
  const {user, port, identity, hostKey, label} = options;
  return {
    address,
    ...(user === undefined ? {} : {user}),
    ...(port === undefined ? {} : {port: parsePort(port)}),
    ...(identity === undefined ? {} : {identity_file: identity}),
    ...(hostKey === undefined ? {} : {host_key: hostKey.trim().split(/\s+/).slice(0, 2).join(' ')}),
    ...(hostKey !== undefined && options.replaceHostKey === true ? {replace_host_key: true} : {}),
    ...(label === undefined ? {} : {labels: parseLabels(label)}),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new CliError('usage', `--port wants a number up to 65535, not "${text}"`);
  }

  return port;
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
