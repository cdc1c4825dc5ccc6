import type {Cli} from '../cli.ts';
import {openAgentChecks} from '../doctor/agent-checks.ts';
import type {Check, Finding} from '../doctor/check.ts';
import {localChecks} from '../doctor/local-checks.ts';
import {serverChecks} from '../doctor/server-checks.ts';
import {exitCodes} from '../exit-code.ts';
import type {Tone} from '../output/style.ts';

const marks: Readonly<Record<Finding['state'], readonly [string, Tone]>> = {
  ok: ['✓', 'good'],
  warning: ['!', 'warning'],
  bad: ['✗', 'bad'],
  skipped: ['-', 'dim'],
};

/** Looks at everything that must be right for Nexus to work, and says how to mend what is not. Answers with the exit code. */
export async function doctor(cli: Cli): Promise<number> {
  await using agent = await openAgentChecks(cli);
  const checks: readonly Check[] = [...localChecks, ...serverChecks, ...agent.checks];
  let bad = 0;
  for (const check of checks) {
    const finding = await check.run(cli).catch(
      (error: unknown): Finding => ({
        state: 'bad',
        message: error instanceof Error ? error.message : String(error),
      }),
    );
    const [mark, tone] = marks[finding.state];
    cli.print(`${cli.style(tone, mark)} ${check.name}: ${finding.message}`);
    if (finding.cure !== undefined && finding.state !== 'ok') {
      cli.print(`    ${finding.cure}`);
    }

    bad += finding.state === 'bad' ? 1 : 0;
  }

  cli.print('');
  cli.print(bad === 0 ? 'All is well.' : `${bad} of ${checks.length} checks failed.`);
  return bad === 0 ? exitCodes.ok.code : exitCodes.failed.code;
}
