import type {Cli} from '../cli.ts';
import {CliError} from '../exit-code.ts';
import {toYaml} from '../output/format.ts';
import type {StepOutcome} from './follow-steps.ts';

export type PrintStepsOptions = {
  readonly name: string;
  readonly outcome: StepOutcome;
  /** What -o was given. */
  readonly output: string | undefined;
  /** The line for people. */
  readonly text?: string;
  /** Prints nothing but what programs asked for. */
  readonly onlyData?: boolean;
};

/** The result of a setup or a test. Throws CliError for an output that it does not have. */
export function printSteps(cli: Cli, {name, outcome, output, text, onlyData}: PrintStepsOptions): void {
  const data = {node: name, ...outcome};
  switch (output) {
    case 'json': {
      cli.print(JSON.stringify(data, undefined, 2));
      break;
    }

    case 'yaml': {
      cli.print(toYaml(data));
      break;
    }

    case 'name': {
      if (onlyData !== true) {
        cli.print(`node/${name}`);
      }

      break;
    }

    default: {
      checkStepsOutput(output);
      if (onlyData !== true && text !== undefined) {
        cli.print(text);
      }
    }
  }
}

/** Before anything is done. Throws CliError. */
export function checkStepsOutput(output: string | undefined): void {
  if (output !== undefined && !['json', 'yaml', 'name'].includes(output)) {
    throw new CliError('usage', `there is no output format "${output}" here`, {
      hint: 'Formats are json, yaml, name.',
    });
  }
}
