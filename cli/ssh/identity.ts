import {access, chmod, mkdir, readFile} from 'node:fs/promises';
import {homedir, hostname, userInfo} from 'node:os';
import path from 'node:path';
import {sshPublicKey} from '../../api/v1alpha1/user.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {ensureHome} from '../home.ts';
import {readSettings} from '../settings.ts';
import {runProgram} from '../spawned.ts';

/** Of this installation: never in the user's `~/.ssh`. */
export function ownKeyFile(home: string): string {
  return path.join(home, 'keys', 'id_ed25519');
}

/** The private key that workspaces are to be entered with: `ssh_key` of config.yaml, else this installation's own. Undefined: whatever ssh itself tries. */
export async function findIdentity({home}: Pick<Cli, 'home'>): Promise<string | undefined> {
  const {ssh_key: configured} = await readSettings(home);
  if (configured !== undefined) {
    return path.resolve(configured.replace(/^~(?=\/|$)/, () => homedir()));
  }

  const own = ownKeyFile(home);
  return (await exists(own)) ? own : undefined;
}

/** Makes this installation's own key, unless it is there. */
export async function ensureOwnKey(
  cli: Pick<Cli, 'home' | 'env' | 'signal'>,
  file: string,
): Promise<{created: boolean}> {
  if (await exists(file)) {
    await chmod(file, 0o600);
    return {created: false};
  }

  await ensureHome(cli.home);
  await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
  const comment = `${userInfo().username}@${hostname()} (nexus)`;
  const {code, stderr} = await runProgram(
    'ssh-keygen',
    ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file],
    {env: cli.env, signal: cli.signal},
  );
  if (code !== 0) {
    throw new CliError('failed', `ssh-keygen could not make ${file}`, {
      details: stderr.trim().split('\n'),
      hint: 'Is the disk full, or the folder not writable?',
    });
  }

  return {created: true};
}

/** The public half that lies beside a private key. Throws CliError. */
export async function readPublicKey(privateFile: string): Promise<string> {
  const file = privateFile.endsWith('.pub') ? privateFile : `${privateFile}.pub`;
  let line: string;
  try {
    line = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new CliError('usage', `the public key ${file} can't be read`, {
      hint: `Make it from the private one: ssh-keygen -y -f ${privateFile} > ${file}`,
      cause: error,
    });
  }

  if (!sshPublicKey.safeParse(line).success) {
    throw new CliError('usage', `${file} holds no public key`, {
      hint: 'One line is expected, such as: ssh-ed25519 AAAA… me@home',
    });
  }

  return line;
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
