import path from 'node:path';
import {parseDuration} from '../../api/v1alpha1/duration.ts';
import {sshFingerprint} from '../../api/v1alpha1/ssh-fingerprint.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {readPublicKey} from '../ssh/identity.ts';

export async function addUser(
  cli: Cli,
  name: string,
  {key, admin}: {readonly key?: string; readonly admin?: boolean},
): Promise<void> {
  const publicKey = key === undefined ? undefined : await readPublicKey(path.resolve(cli.cwd, key));
  await using client = await connect(cli);
  const {token} = await client.users.register(
    {
      name,
      role: admin === true ? 'admin' : 'user',
      ...(publicKey === undefined ? {} : {ssh_pubkey: publicKey}),
    },
    {signal: cli.signal},
  );
  cli.note(`user/${name} created. Their token, shown only now (they set it as NEXUS_TOKEN):`);
  cli.print(token);
}

export async function addKey(cli: Cli, file: string, {user = 'me'}: {readonly user?: string}): Promise<void> {
  const publicKey = await readPublicKey(path.resolve(cli.cwd, file));
  await using client = await connect(cli);
  const {name} = await client.users.setSshKey(user, {ssh_pubkey: publicKey}, {signal: cli.signal});
  cli.print(`${sshFingerprint(publicKey)} is a key of ${name}`);
}

export async function createToken(
  cli: Cli,
  {
    user = 'me',
    description,
    expiresIn,
  }: {readonly user?: string; readonly description: string; readonly expiresIn?: string},
): Promise<void> {
  await using client = await connect(cli);
  const {token} = await client.users.createToken(
    user,
    {
      description,
      ...(expiresIn === undefined ? {} : {expires_in_seconds: seconds(expiresIn)}),
    },
    {signal: cli.signal},
  );
  cli.print(token);
}

export async function whoami(cli: Cli): Promise<void> {
  await using client = await connect(cli);
  const {name, role, ssh_keys: keys} = await client.users.get('me', {signal: cli.signal});
  cli.print(`${name} (${role}, ${keys.length} ssh ${keys.length === 1 ? 'key' : 'keys'}) on ${client.url}`);
}

function seconds(text: string): number {
  try {
    return Math.round(parseDuration(text) / 1000);
  } catch (error) {
    throw new CliError('usage', `--expires-in: ${error instanceof Error ? error.message : String(error)}`);
  }
}
