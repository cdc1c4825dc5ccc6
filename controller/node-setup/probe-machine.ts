import type {Clock} from '../../api/effects/clock.ts';
import {createSshRunner} from '../agent-client/ssh-runner.ts';
import type {SshSession} from '../agent-client/ssh-session.ts';
import {complaintOf} from './complaint.ts';
import type {ClockReading} from './machine-checks.ts';
import type {MachineReport} from './machine-report.ts';
import {parseReport} from './machine-report.ts';
import {machineScript} from './machine-script.ts';
import {StepError} from './steps.ts';

export type Probed = {
  readonly report: MachineReport;
  /** What the shell said before the probe did. */
  readonly before: string;
  readonly reading: ClockReading;
};

/** Milliseconds. */
const silence = 30_000;

/** Looks at the machine, all at once. Throws StepError `ShellUnusable` when no program can be run there. */
export async function probeMachine(
  session: SshSession,
  {clock, signal}: {readonly clock: Clock; readonly signal: AbortSignal},
): Promise<Probed> {
  const asked = clock.now();
  const result = await createSshRunner(session, clock)(machineScript('probe'), {silence, signal});
  const reading = {asked, answered: clock.now()};
  const parsed = parseReport(result.stdout);
  if (parsed.type === 'Unreadable') {
    throw new StepError('ShellUnusable', `the account runs no programs: ${complaintOf(result)}`, {
      cure: [
        'Its login shell must be a POSIX shell, and authorized_keys must not force another command. chsh -s /bin/sh sets it.',
      ],
    });
  }
  return {report: parsed.report, before: parsed.before, reading};
}
