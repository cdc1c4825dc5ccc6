import type {SetupNodeRequest, StepFinished} from '../../api/node-setup/messages.ts';
import {sshFingerprint} from '../../api/v1alpha1/ssh-fingerprint.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {readSecret} from '../secret-input.ts';
import {isLoopback, serverAddress} from '../server-address.ts';
import {askYes} from './ask.ts';
import {installServerKey} from './install-server-key.ts';
import type {NodeAddOptions} from './setup-request.ts';

/** What the server's steps are short of, and a person or their ssh can give: agreement to a host key, a password, a login that puts the key there. */
export type FailureAnswers = {
  /** Whether something can be done about this failure, so that it is worth another attempt. */
  canAnswer(failure: StepFinished, request: SetupNodeRequest): boolean;
  /** The request for the next attempt. Throws CliError when somebody says no. */
  answer(
    failure: StepFinished,
    request: SetupNodeRequest,
    steps: readonly StepFinished[],
  ): Promise<SetupNodeRequest>;
};

/** How often a password may be mistyped. */
const passwordAttempts = 3;

export function createFailureAnswers(cli: Cli, address: string, options: NodeAddOptions): FailureAnswers {
  const isPersonThere = cli.stdin.isTTY === true;
  const mayAgree = options.yes === true || isPersonThere;
  let triedOwnSsh = false;
  let passwords = 0;

  const agree = async (failure: StepFinished, request: SetupNodeRequest): Promise<SetupNodeRequest> => {
    const {host_key: shown = '', code} = failure;
    const isChanged = code === 'HostKeyChanged';
    cli.note(
      isChanged
        ? failure.message
        : `The machine shows the host key ${shown.split(' ')[0]} ${sshFingerprint(shown)}`,
    );
    if (options.yes !== true) {
      cli.note('Compare it on that machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
      if (!(await askYes(cli, 'Is that the key of this machine'))) {
        throw new CliError('refused', 'the host key was not accepted; nothing was added');
      }
    }

    return {...request, host_key: shown, ...(isChanged ? {replace_host_key: true} : {})};
  };

  const readPassword = async ({user = 'root'}: SetupNodeRequest): Promise<string> => {
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
  };

  /** Where the user's own ssh opens the account already, it puts the server's key there. */
  const lendOwnSsh = async (
    {public_key: publicKey}: StepFinished,
    {user = 'root', port = 22}: SetupNodeRequest,
    steps: readonly StepFinished[],
  ): Promise<void> => {
    const hostKey = steps.find(({step}) => step === 'HostKey')?.host_key;
    if (hostKey === undefined || publicKey === undefined) {
      return;
    }

    if (await installServerKey(cli, {address, port, user, hostKey, publicKey})) {
      cli.note(`  Your own ssh opens ${user}@${address}: it has put the server's key there.`);
    }
  };

  return {
    canAnswer({code, host_key: hostKey, public_key: publicKey}, request) {
      switch (code) {
        case 'HostKeyUnknown': {
          return mayAgree && request.host_key === undefined;
        }

        case 'HostKeyChanged': {
          const onPurpose = options.replaceHostKey === true && request.replace_host_key !== true;
          return mayAgree && onPurpose && hostKey !== undefined;
        }

        case 'LoginRefused': {
          const left = options.bootstrapPassword
            ? passwords < (isPersonThere ? passwordAttempts : 1)
            : !triedOwnSsh;
          return left && publicKey !== undefined;
        }

        default: {
          return false;
        }
      }
    },
    async answer(failure, request, steps) {
      if (failure.code !== 'LoginRefused') {
        return agree(failure, request);
      }

      if (options.bootstrapPassword === true) {
        if (passwords > 0) {
          cli.note(failure.message);
        }

        passwords += 1;
        return {...request, password: await readPassword(request)};
      }

      triedOwnSsh = true;
      await lendOwnSsh(failure, request, steps);
      return request;
    },
  };
}
