import type {Command} from 'commander';
import type {CredentialOptions} from '../commands/credential.ts';
import type {GetOptions} from '../commands/get.ts';
import {withOutput} from './options.ts';
import type {Registration} from './registration.ts';

export function addUserCommands(program: Command, {cli}: Registration): void {
  const user = program.command('user').description('manage users, their keys and tokens');

  user
    .command('add')
    .argument('<name>')
    .description('add a user and print a token for them, once')
    .option('--key <file>', 'their public ssh key')
    .option('--admin', 'who may do everything')
    .action(async (name: string, options: {key?: string; admin?: boolean}) => {
      const {addUser} = await import('../commands/user.ts');
      await addUser(cli, name, options);
    });

  withOutput(user.command('list'))
    .alias('ls')
    .description('list users')
    .action(async (options: GetOptions) => {
      const {get} = await import('../commands/get.ts');
      await get(cli, ['users'], options);
    });

  user
    .command('add-key')
    .argument('<file>', 'a public ssh key')
    .description('let a key into the workspaces of a user')
    .option('--user <name>', 'yourself by default')
    .action(async (file: string, options: {user?: string}) => {
      const {addKey} = await import('../commands/user.ts');
      await addKey(cli, file, options);
    });

  user
    .command('token')
    .description('make a token for a user and print it, once')
    .option('--user <name>', 'yourself by default')
    .option('--description <text>', 'what it is for', '')
    .option('--expires-in <duration>', 'such as 30d (default: never)')
    .action(async (options: {user?: string; description: string; expiresIn?: string}) => {
      const {createToken} = await import('../commands/user.ts');
      await createToken(cli, options);
    });

  user
    .command('set-credential')
    .argument('<host>', 'a git server, such as github.com')
    .description(
      'keep what git needs to clone private repositories; a password or token is asked for, or read from standard input',
    )
    .option('--username <name>', 'that goes with the password (default: git)')
    .option('--ssh-key <file>', 'a private key without a passphrase, instead of a password')
    .option('--user <name>', 'whose workspaces it is for; yourself by default')
    .action(async (host: string, options: CredentialOptions) => {
      const {setCredential} = await import('../commands/credential.ts');
      await setCredential(cli, host, options);
    });

  user
    .command('remove-credential')
    .argument('<host>', 'a git server')
    .description('forget what is kept for a git server')
    .option('--user <name>', 'yourself by default')
    .action(async (host: string, options: {user?: string}) => {
      const {removeCredential} = await import('../commands/credential.ts');
      await removeCredential(cli, host, options);
    });

  user
    .command('whoami')
    .description('show whom the server takes you for')
    .action(async () => {
      const {whoami} = await import('../commands/user.ts');
      await whoami(cli);
    });
}
