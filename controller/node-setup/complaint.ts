import type {RunResult} from '../agent-client/ssh-runner.ts';

/** What a program complained of, in a line for people: what nexus calls its error, else the last that it said. */
export function complaintOf({stderr, stdout, code}: RunResult): string {
  const lines = `${stdout}\n${stderr}`.split('\n').filter(line => line.trim() !== '');
  const said = lines.findLast(line => line.startsWith('error: ')) ?? lines.at(-1);
  return said === undefined
    ? `it ended with ${code ?? 'a signal'}`
    : said.replace(/^error: /, '').slice(0, 500);
}

/** What nexus says helps. */
export function hintsOf({stderr}: Pick<RunResult, 'stderr'>): readonly string[] {
  return stderr
    .split('\n')
    .filter(line => line.startsWith('hint: '))
    .map(line => line.slice('hint: '.length));
}
