import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {RunOptions} from '../agent-client/ssh-runner.ts';
import {createSshRunner} from '../agent-client/ssh-runner.ts';
import type {SshSession} from '../agent-client/ssh-session.ts';

/** A machine on which something is installed. */
export type Machine = {
  /** Answers with what the program printed. Throws SshError, and AgentError `Internal` with what it said when it failed. */
  run(command: readonly string[], options: RunOptions): Promise<string>;
};

export function createMachine(session: SshSession, clock: Clock): Machine {
  const run = createSshRunner(session, clock);
  return {
    async run(command, options) {
      const {code, stdout, stderr} = await run(command, options);
      if (code !== 0) {
        const said = stderr.trim().split('\n').slice(-5).join('; ');
        throw new AgentError('Internal', said === '' ? `it ended with ${code ?? 'a signal'}` : said);
      }
      return stdout;
    },
  };
}
