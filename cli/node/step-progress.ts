import type {SetupEvent, SetupStep, StepFinished} from '../../api/node-setup/messages.ts';
import type {Cli} from '../cli.ts';
import {createSpinner} from '../output/spinner.ts';
import type {Style, Tone} from '../output/style.ts';
import {styleFor} from '../output/style.ts';
import {printable} from '../output/table.ts';

/** A line for each step of a setup or a test as it ends, and on a terminal what goes on now. */
export type StepProgress = Disposable & {
  show(event: SetupEvent): void;
};

export type StepProgressOptions = {
  /** Where the lines of steps go: to the result, or to what is told about the work. */
  readonly to: 'stdout' | 'stderr';
  /** Steps of which was told before, and that are not told again. */
  readonly isKnown?: (step: SetupStep) => boolean;
};

const titles: Readonly<Record<SetupStep, string>> = {
  Name: 'Name',
  Reach: 'Connection',
  HostKey: 'Host key',
  Login: 'Login',
  Shell: 'Shell',
  Disk: 'Disk',
  Clock: 'Clock',
  Provider: 'Providers',
  Agent: 'Agent',
  Backend: 'Backend',
  Image: 'Image',
  MachineImage: 'VM image',
  Ready: 'Ready',
  Program: 'Program',
  Key: 'Key',
};

const marks: Readonly<Record<StepFinished['outcome'], readonly [string, Tone]>> = {
  ok: ['✓', 'good'],
  changed: ['✓', 'good'],
  warning: ['!', 'warning'],
  failed: ['✗', 'bad'],
};

const titleWidth = Math.max(...Object.values(titles).map(title => title.length)) + 2;

export function createStepProgress(cli: Cli, {to, isKnown = () => false}: StepProgressOptions): StepProgress {
  const style = to === 'stdout' ? cli.style : styleFor(cli.stderr, cli.env);
  let present: string | undefined;
  const spinner = createSpinner(cli, () => present);

  return {
    show(event) {
      if (event.type === 'started' || event.type === 'progress') {
        present = isKnown(event.step) ? undefined : presentText(event);
        return;
      }

      present = undefined;
      if (event.type === 'finished' && !isKnown(event.step)) {
        spinner.clear();
        for (const line of stepLines(event, style)) {
          if (to === 'stdout') {
            cli.print(line);
          } else {
            cli.note(line);
          }
        }
      }
    },
    [Symbol.dispose]: () => spinner[Symbol.dispose](),
  };
}

/** Pure. */
export function stepLines(
  {step, outcome, message, cure = [], milliseconds}: StepFinished,
  style: Style,
): string[] {
  const [mark, tone] = marks[outcome];
  const time = style('dim', `(${(milliseconds / 1000).toFixed(1)}s)`);
  return [
    `${style(tone, mark)} ${titles[step].padEnd(titleWidth)}${printable(message)} ${time}`,
    ...cure.map(line => `${' '.repeat(titleWidth + 2)}${printable(line)}`),
  ];
}

function presentText(event: Extract<SetupEvent, {type: 'started' | 'progress'}>): string {
  const title = titles[event.step];
  if (event.type === 'started') {
    return `${title}…`;
  }

  const {message, done, total} = event;
  const share =
    done === undefined || total === undefined || total === 0
      ? ''
      : ` ${Math.floor((done / total) * 100)} % of ${(total / 2 ** 20).toFixed(0)} MiB`;
  return `${title}: ${printable(message)}${share}`;
}
