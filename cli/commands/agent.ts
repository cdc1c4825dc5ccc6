import {access} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import type {ImageDigests} from '../../agent/base-image.ts';
import {receiveBaseImage} from '../../agent/base-image.ts';
import {relayAgent, runAgentDaemon, agentStatus as statusOf, stopAgent as stop} from '../../agent/main.ts';
import {purgeNode, setupNode} from '../../agent/setup-node.ts';
import {imageForm} from '../../api/node-setup/image-form.ts';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import {provider as providerSchema} from '../../api/v1alpha1/workspace.ts';
import {ownPackage} from '../agent-package/own-package.ts';
import type {Cli} from '../cli.ts';
import {CliError, exitCodes} from '../exit-code.ts';
import {ensureHome} from '../home.ts';

/** Answers with the exit code. */
export async function agent(
  cli: Cli,
  {stdio, daemon}: {readonly stdio?: boolean; readonly daemon?: boolean},
): Promise<number> {
  if (stdio === daemon) {
    throw new CliError('usage', 'say --stdio or --daemon, or one of setup, purge, stop and status', {
      hint: 'nexus server starts the agent of its own machine by itself.',
    });
  }

  await ensureHome(cli.home);
  if (daemon === true) {
    const agentPackage = await ownPackage(cli.version);
    await runAgentDaemon({
      home: cli.home,
      agentVersion: cli.version,
      ...(agentPackage === undefined ? {} : {agentPackage}),
    });
  } else {
    const entry = fileURLToPath(new URL('../nexus.js', import.meta.url));
    await relayAgent({home: cli.home, daemonCommand: [process.execPath, entry, 'agent', '--daemon']});
  }

  return exitCodes.ok.code;
}

export type SetupAgentOptions = {
  readonly image?: string;
  readonly imageDigest?: string;
  readonly machineImageDigest?: string;
  readonly installation?: string;
  readonly provider?: readonly string[];
  readonly json?: boolean;
};

export async function setupAgent(
  cli: Cli,
  {image, installation: given, provider: names, json, ...options}: SetupAgentOptions,
): Promise<void> {
  if (given !== undefined && !/^[0-9a-f]{6}$/.test(given)) {
    throw new CliError('usage', `--installation wants six hexadecimal digits, not "${given}"`, {
      hint: "They are in $NEXUS_HOME/installation on the server's machine.",
    });
  }

  const file = image === undefined ? undefined : await existingImage(path.resolve(cli.cwd, image));
  const providers = names?.map(parseProvider);
  await ensureHome(cli.home);
  const {installation, backends, failures, images} = await setupNode({
    home: cli.home,
    progress: cli.note,
    ...(file === undefined ? {} : {image: file}),
    imageDigests: digestsOf(options),
    ...(given === undefined ? {} : {installation: given}),
    ...(providers === undefined ? {} : {providers}),
  });
  const texts = failures.map(failureText);
  if (json === true) {
    cli.print(JSON.stringify({installation, backends, failures: texts, images}));
    return;
  }

  for (const text of texts) {
    cli.note(`this provider could not be set up, the others were: ${text}`);
  }

  for (const {providers: users, present} of images) {
    if (!present) {
      cli.note(
        `There is no image nexus/base for ${users.join(' and ')} yet: nexus agent setup --image FILE imports one.`,
      );
    }
  }

  cli.print(`installation ${installation} is ready on ${backends.join(', ')}`);
}

async function existingImage(file: string): Promise<string> {
  try {
    await access(file);
    return file;
  } catch (error) {
    throw new CliError('usage', `there is no image ${file}`, {
      hint: 'Make one with hack/build-image.',
      cause: error,
    });
  }
}

function digestsOf({imageDigest, machineImageDigest}: SetupAgentOptions): ImageDigests {
  return {
    ...(imageDigest === undefined ? {} : {container: checkDigest(imageDigest)}),
    ...(machineImageDigest === undefined ? {} : {machine: checkDigest(machineImageDigest)}),
  };
}

function checkDigest(digest: string): string {
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    throw new CliError('usage', 'the digest of an image is a SHA-256 of 64 hexadecimal digits');
  }

  return digest;
}

export type ReceiveImageOptions = {
  readonly size: string;
  readonly offset: string;
  readonly form: string;
  readonly provider: readonly string[];
};

/** Of `nexus node add`, from the server: the image comes in through standard input. */
export async function receiveImage(cli: Cli, digest: string, options: ReceiveImageOptions): Promise<void> {
  const wanted = {digest: checkDigest(digest), size: Number(options.size)};
  const offset = Number(options.offset);
  if (!Number.isSafeInteger(wanted.size) || !Number.isSafeInteger(offset) || offset < 0) {
    throw new CliError('usage', '--size and --offset are numbers of bytes');
  }

  const form = imageForm.safeParse(options.form);
  if (!form.success) {
    throw new CliError('usage', `--form is one of ${imageForm.options.join(', ')}, not "${options.form}"`);
  }

  await ensureHome(cli.home);
  const failures = await receiveBaseImage(cli.home, {
    form: form.data,
    wanted,
    offset,
    source: cli.stdin,
    providers: options.provider.map(parseProvider),
  });
  cli.print(JSON.stringify({failures: failures.map(failureText)}));
}

function failureText({provider, error}: {readonly provider: Provider; readonly error: unknown}): string {
  return `${provider}: ${error instanceof Error ? error.message : String(error)}`;
}

function parseProvider(text: string): Provider {
  const parsed = providerSchema.safeParse(text);
  if (!parsed.success) {
    throw new CliError('usage', `--provider is one of ${providerSchema.options.join(', ')}, not "${text}"`);
  }
  return parsed.data;
}

export async function purgeAgent(cli: Cli): Promise<void> {
  await ensureHome(cli.home);
  await purgeNode({home: cli.home, progress: cli.note});
  cli.print('purged');
}

export async function stopAgent(cli: Cli): Promise<void> {
  cli.print((await stop(cli.home)) ? 'the agent was stopped; workspaces run on' : 'no agent was running');
}

/** Answers with the exit code: 0 when it runs. */
export async function agentStatus(cli: Cli): Promise<number> {
  const status = await statusOf(cli.home);
  cli.print(status.running ? `running, process ${status.pid}` : 'not running');
  cli.print(`socket: ${status.socket}`);
  cli.print(`log: ${status.logFile}`);
  return status.running ? exitCodes.ok.code : exitCodes.failed.code;
}
