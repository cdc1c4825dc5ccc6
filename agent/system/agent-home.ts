import {randomBytes} from 'node:crypto';
import {chmod, link, mkdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import type {Provider} from '../../api/v1alpha1/workspace.ts';
import {provider} from '../../api/v1alpha1/workspace.ts';
import type {ProviderConfig} from '../node-driver.ts';
import {writeFileAtomically} from './atomic-file.ts';

/** Where one agent keeps what it has, below `$NEXUS_HOME`. */
export type AgentHome = {
  readonly folder: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly lockFile: string;
  readonly logFile: string;
  readonly configFile: string;
  readonly epochFile: string;
  readonly addressFile: string;
  readonly records: string;
  readonly bundles: string;
  readonly installationFile: string;
};

export function agentHome(home: string): AgentHome {
  const folder = join(home, 'agent');
  return {
    folder,
    socket: join(folder, 'agent.sock'),
    pidFile: join(folder, 'agent.pid'),
    lockFile: join(folder, 'agent.lock'),
    logFile: join(folder, 'agent.log'),
    configFile: join(folder, 'config.json'),
    epochFile: join(folder, 'epoch'),
    addressFile: join(folder, 'address'),
    records: join(folder, 'instances'),
    bundles: join(folder, 'bundles'),
    installationFile: join(home, 'installation'),
  };
}

/** Makes the folder, for its owner's eyes only. */
export async function ensureAgentHome({folder}: AgentHome): Promise<void> {
  await mkdir(folder, {recursive: true, mode: 0o700});
  await chmod(folder, 0o700);
}

const agentConfig = z.strictObject({
  /** As `providers.lxc.socket`: what there was before there were other providers. */
  socket: z.string().optional(),
  /** Those that are used, each with where its backend is if that is not to be looked for. All that is found when absent. */
  providers: z.partialRecord(provider, z.strictObject({socket: z.string().optional()})).optional(),
  /** The address that node ports listen on; by default the one that the server comes in by. */
  listen: z.union([z.ipv4(), z.ipv6()]).optional(),
});

export type AgentConfig = z.infer<typeof agentConfig>;

/** Of `config.json`; defaults when there is none. Rejects with an error that names the file. */
export async function readAgentConfig({configFile}: AgentHome): Promise<AgentConfig> {
  const text = await readIfThere(configFile);
  try {
    return agentConfig.parse(text === undefined ? {} : JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(`${configFile} is not valid: ${reason}`, {cause: error});
  }
}

/** What the configuration says of this provider; undefined when it names others, and not this one. */
export function configOf(
  {socket, providers}: Pick<AgentConfig, 'socket' | 'providers'>,
  name: Provider,
): ProviderConfig | undefined {
  const named = socket === undefined ? providers : {lxc: {socket}, ...providers};
  return named === undefined ? {} : named[name];
}

const installationPattern = /^[0-9a-f]{6}$/;

/** What {@link ensureInstallation} has made; undefined when it has not. Rejects when it is none. */
export async function readInstallation({
  installationFile,
}: Pick<AgentHome, 'installationFile'>): Promise<string | undefined> {
  const existing = (await readIfThere(installationFile))?.trim();
  if (existing !== undefined && !installationPattern.test(existing)) {
    throw new Error(`${installationFile} must hold six hexadecimal digits, not ${JSON.stringify(existing)}`);
  }
  return existing;
}

export function newInstallation(): string {
  return randomBytes(3).toString('hex');
}

/**
 * The six hexadecimal digits that all that belongs to this home is named after; made the first time, or taken from `given`. Rejects when
 * the home belongs to another installation than the given one.
 */
export async function ensureInstallation({installationFile}: AgentHome, given?: string): Promise<string> {
  const existing = await readInstallation({installationFile});
  if (existing !== undefined) {
    if (given !== undefined && given !== existing) {
      throw new Error(
        `${installationFile} says ${existing}: this home already serves another installation than ${given}; if nothing of it is left, end its agent and remove the file`,
      );
    }
    return existing;
  }
  const fresh = given ?? newInstallation();
  const temporary = `${installationFile}.${randomBytes(4).toString('hex')}`;
  await writeFileAtomically(temporary, `${fresh}\n`);
  try {
    // Two that start at once must agree: only one of them can make the name.
    await link(temporary, installationFile);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
      throw error;
    }
  } finally {
    await rm(temporary, {force: true});
  }
  return (await readFile(installationFile, 'utf8')).trim();
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
