import ssh2 from 'ssh2';
import type {Clock} from '../../api/effects/clock.ts';
import {isSshError} from '../agent-client/ssh-error.ts';
import {createSshRunner} from '../agent-client/ssh-runner.ts';
import type {SshSession, SshSessionOptions} from '../agent-client/ssh-session.ts';
import {openSshSession} from '../agent-client/ssh-session.ts';
import {complaintOf} from './complaint.ts';
import {machineScript} from './machine-script.ts';
import type {Tell, Verdict} from './steps.ts';
import {StepError} from './steps.ts';

/** The server's key pair; the public half as a line of authorized_keys. */
export type Identity = {
  readonly privateKey: Buffer;
  readonly publicKey: string;
  /** Whether it was made just now. */
  readonly created: boolean;
};

export type LogInOptions = {
  readonly name: string;
  readonly target: Omit<SshSessionOptions, 'login'>;
  readonly identity: Identity;
  /** Opens the account once, when the key does not. */
  readonly password?: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** Milliseconds for the script that installs the key. */
const scriptTimeout = 30_000;

/** An open session, by the key; it is put there first where a password allows that. The caller disposes of it. Throws StepError `LoginRefused`. */
export async function logIn(options: LogInOptions, tell: Tell): Promise<Verdict<SshSession>> {
  const {target, identity, password, signal} = options;
  const account = `${target.user}@${target.host}`;
  const {privateKey} = identity;
  try {
    const session = await openSshSession({...target, login: {privateKey}}, signal);
    return {outcome: 'ok', message: `the server's key opens ${account}`, value: session};
  } catch (error) {
    if (!isSshError(error, 'LoginRefused')) {
      throw error;
    }
    if (password === undefined) {
      throw keyRefused(options, error);
    }
  }

  tell(`opening ${account} with the password, to put the server's key there`);
  const file = await installKey(options, password);
  try {
    const session = await openSshSession({...target, login: {privateKey}}, signal);
    return {outcome: 'changed', message: `the server's key opens ${account} now (${file})`, value: session};
  } catch (cause) {
    if (!isSshError(cause, 'LoginRefused')) {
      throw cause;
    }
    throw new StepError('LoginRefused', `the server's key is in ${file}, but sshd does not accept it`, {
      cure: [
        'Why, sshd writes into its log there: journalctl -u ssh -n 20',
        `Usual reasons: others may write to the home (chmod go-w ~${target.user}), AuthorizedKeysFile names another file, PubkeyAuthentication is no, AllowUsers lacks ${target.user}.`,
      ],
      publicKey: identity.publicKey,
      cause,
    });
  }
}

async function installKey(
  {target, identity, clock, signal}: LogInOptions,
  password: string,
): Promise<string> {
  const account = `${target.user}@${target.host}`;
  await using session = await openSshSession({...target, login: {password}}, signal).catch(
    (cause: unknown) => {
      if (!isSshError(cause, 'LoginRefused')) {
        throw cause;
      }
      throw new StepError('LoginRefused', `${account} accepts neither the server's key nor that password`, {
        cure: [
          'Is it the right --user? sshd may also take no passwords (PasswordAuthentication no), or none for root (PermitRootLogin prohibit-password, as Debian has it).',
          `Then add this line to ~${target.user}/.ssh/authorized_keys on that machine: ${identity.publicKey}`,
        ],
        publicKey: identity.publicKey,
        cause,
      });
    },
  );
  const result = await createSshRunner(session, clock)(machineScript('authorize-key', identity.publicKey), {
    silence: scriptTimeout,
    signal,
  });
  const file = /^(?:added|present) (.+)$/m.exec(result.stdout)?.[1];
  if (result.code !== 0 || file === undefined) {
    throw new StepError('LoginRefused', `the server's key could not be put there: ${complaintOf(result)}`, {
      cure: [`Add this line to ~${target.user}/.ssh/authorized_keys on that machine: ${identity.publicKey}`],
      publicKey: identity.publicKey,
    });
  }
  return file;
}

function keyRefused({name, target, identity}: LogInOptions, cause: unknown): StepError {
  const {user, host} = target;
  return new StepError('LoginRefused', `${user}@${host} does not accept the server's key`, {
    cure: [
      `Put it there with the password of ${user}: nexus node add ${name} ${host} --user ${user} --bootstrap-password`,
      `or add this line to ~${user}/.ssh/authorized_keys on that machine: ${identity.publicKey}`,
      'or log in as another one: --user NAME',
    ],
    publicKey: identity.publicKey,
    cause,
  });
}

/** The public half of a private key. Throws StepError `LoginRefused` when it is none that can be used. */
export function identityOf(
  privateKey: Buffer,
  source: {file: string; comment: string; created: boolean},
): Identity {
  const parsed = ssh2.utils.parseKey(privateKey);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key === undefined || key instanceof Error) {
    throw new StepError(
      'LoginRefused',
      `${source.file} can not be used as a private key: ${key?.message ?? 'it is empty'}`,
      {
        cure: ['The server can use keys without a passphrase, in OpenSSH or PEM form.'],
      },
    );
  }
  const publicKey = `${key.type} ${key.getPublicSSH().toString('base64')} ${source.comment}`;
  return {privateKey, publicKey, created: source.created};
}
