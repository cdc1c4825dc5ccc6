import type {SshSession} from './ssh-session.ts';

export type InstalledAgent = {
  /** `Current`: that very version was there, whole. */
  readonly outcome: 'Installed' | 'Upgraded' | 'Current';
  readonly version: string;
  /** Starts nexus there, by an absolute path; arguments such as `agent --stdio` follow. */
  readonly command: readonly [string, ...string[]];
};

export type InstallOptions = {
  /** Bytes that have reached the machine, and how many there are in all. */
  readonly progress: (sent: number, total: number) => void;
  readonly signal: AbortSignal;
};

/**
 * Puts this server's version of the agent onto machines, under the login user's home. Safe to repeat and to cut off at any instant: what is there is
 * either the whole old one or the whole new one, proved by its SHA-256.
 */
export type AgentInstaller = {
  /** Throws SshError, or an error whose message says what the machine answered. */
  install(session: SshSession, options: InstallOptions): Promise<InstalledAgent>;
  /** Goes back to the version that was there before this one, and ends the agent; undefined when there was none but what was put there by hand. Throws as `install` does. */
  rollBack(session: SshSession, signal: AbortSignal): Promise<string | undefined>;
  /** Ends the agent and removes the program, leaving what it has set up on backends. */
  uninstall(session: SshSession, signal: AbortSignal): Promise<void>;
};
