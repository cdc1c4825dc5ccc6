import {access, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {isApiError} from '../../api/client/api-error.ts';
import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {runOnTerminal} from '../spawned.ts';
import {commandLine} from './ssh-command.ts';

export type KeepConnectedOptions = {
  /** Of the workspace. */
  readonly name: string;
  /** What follows `ssh`, by the workspace as it is now. Throws ApiError or CliError. */
  readonly prepare: () => Promise<readonly string[]>;
  readonly reconnect: boolean;
};

/** How ssh ends when the connection, not what ran on it, has failed. */
const connectionFailed = 255;

/** Milliseconds between attempts, and until they are given up. */
const interval = 1000;
const patience = 600_000;

/** Logins in a row that fail although the server answers, until they are given up: its node may need a moment longer. */
const attempts = 15;

/**
 * Runs ssh on this terminal; with `reconnect` again, in a new session, whenever a connection that was up is lost: the server that carried it was
 * restarted, the machine slept, the network changed. When the first is never up that is final: its failure has a reason that time won't mend.
 * Answers with the exit code of the last.
 */
export async function keepConnected(
  cli: Cli,
  {name, prepare, reconnect}: KeepConnectedOptions,
): Promise<number> {
  let args = await prepare();
  if (!reconnect) {
    return await runOnTerminal('ssh', args, cli.env);
  }

  let left = 0;
  for (;;) {
    const {code, wasUp} = await runMarked(cli, args);
    left = wasUp ? attempts : left - 1;
    if (code !== connectionFailed || left <= 0 || cli.signal.aborted) {
      return code;
    }

    if (wasUp) {
      cli.note(
        `The connection to ${name} was lost. Connecting again, to a new shell: what ran in the foreground of this one was hung up (inside, tmux or screen keep such things). Ctrl-C gives up.`,
      );
    } else {
      await cli.clock.sleep(interval, cli.signal);
    }

    args = await prepareAgain(cli, prepare);
  }
}

/** ssh itself tells that it is logged in, by running a command here. */
async function runMarked(cli: Cli, args: readonly string[]): Promise<{code: number; wasUp: boolean}> {
  const folder = await mkdtemp(path.join(tmpdir(), 'nexus-ssh-'));
  const mark = path.join(folder, 'up');
  try {
    const marking = ['-o', 'PermitLocalCommand=yes', '-o', `LocalCommand=${commandLine(['touch', mark])}`];
    const code = await runOnTerminal('ssh', [...marking, ...args], cli.env);
    const wasUp = await access(mark).then(
      () => true,
      () => false,
    );
    return {code, wasUp};
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/** Once the server answers again. Throws what it says when that is that there is nothing to connect to. */
async function prepareAgain(cli: Cli, prepare: KeepConnectedOptions['prepare']): Promise<readonly string[]> {
  const until = cli.clock.now() + patience;
  for (;;) {
    try {
      return await prepare();
    } catch (error) {
      const isPassing = isApiError(error, 'Unreachable') || isApiError(error, 'Disconnected');
      if (!isPassing) {
        throw error;
      }

      if (cli.clock.now() >= until) {
        throw new CliError(
          'unreachable',
          `the server did not come back within ${patience / 60_000} minutes`,
          {cause: error},
        );
      }

      await cli.clock.sleep(interval, cli.signal);
    }
  }
}
