import {readFile} from 'node:fs/promises';
import path from 'node:path';
import type {SetCredentialRequest} from '../../api/server/account-messages.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {readSecret} from '../secret-input.ts';

export type CredentialOptions = {
  readonly user?: string;
  readonly username?: string;
  readonly sshKey?: string;
};

/** What git servers expect beside a token is arbitrary; the large ones take any name. */
const defaultUsername = 'git';

export async function setCredential(
  cli: Cli,
  host: string,
  {user = 'me', username, sshKey}: CredentialOptions,
): Promise<void> {
  if (sshKey !== undefined && username !== undefined) {
    throw new CliError(
      'usage',
      '--username goes with a password: with an ssh key, it stands in the repository’s address',
    );
  }

  const credential: SetCredentialRequest =
    sshKey === undefined
      ? {type: 'password', username: username ?? defaultUsername, password: await readPassword(cli, host)}
      : {type: 'sshKey', privateKey: await readPrivateKey(path.resolve(cli.cwd, sshKey))};
  await using client = await connect(cli);
  const {name} = await client.users.get(user, {signal: cli.signal});
  await client.users.setCredential(name, host, {credential, signal: cli.signal});
  cli.print(`${host}: ${sshKey === undefined ? 'a password' : 'an ssh key'} is kept for ${name}`);
}

export async function removeCredential(
  cli: Cli,
  host: string,
  {user = 'me'}: Pick<CredentialOptions, 'user'>,
): Promise<void> {
  await using client = await connect(cli);
  const {name} = await client.users.get(user, {signal: cli.signal});
  await client.users.deleteCredential(name, host, {signal: cli.signal});
  cli.print(`${host}: nothing is kept for ${name} any more`);
}

async function readPassword(cli: Cli, host: string): Promise<string> {
  const password = await readSecret(cli, `Password or token for ${host}: `);
  if (password === '') {
    throw new CliError('usage', 'no password was given', {
      hint: `Give it on standard input, such as: gh auth token | nexus user set-credential ${host}`,
    });
  }

  return password;
}

async function readPrivateKey(file: string): Promise<string> {
  let key: string;
  try {
    key = await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError('usage', `${file} can not be read`, {cause: error});
  }

  const [, label, body = ''] = /^-----BEGIN ([A-Z ]*PRIVATE KEY)-----\s([\s\S]*)-----END /m.exec(key) ?? [];
  if (label === undefined) {
    throw new CliError('usage', `${file} is not a private key`, {
      hint: 'Name the file without .pub: git needs the private half to clone.',
    });
  }

  if (/ENCRYPTED/.test(`${label}${body}`) || openSshCipher(body) !== 'none') {
    throw new CliError('usage', `the key in ${file} has a passphrase, which nobody can type on a node`, {
      hint: 'Make a key for this purpose: ssh-keygen -t ed25519 -N "" -f FILE',
    });
  }

  return key;
}

/** OpenSSH's PROTOCOL.key: the first field after the magic names the cipher. `none` for all other formats, which say it in their text. */
function openSshCipher(body: string): string {
  const magic = 'openssh-key-v1\0';
  const bytes = Buffer.from(body, 'base64');
  if (bytes.length < magic.length + 4 || bytes.toString('latin1', 0, magic.length) !== magic) {
    return 'none';
  }

  const start = magic.length + 4;
  return bytes.toString('latin1', start, start + bytes.readUInt32BE(magic.length));
}
