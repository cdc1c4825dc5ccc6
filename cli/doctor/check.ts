import type {Cli} from '../cli.ts';

export type Finding = {
  readonly state: 'ok' | 'warning' | 'bad' | 'skipped';
  readonly message: string;
  /** What to do. */
  readonly cure?: string;
};

export type Check = {
  readonly name: string;
  /** What it throws counts as bad. */
  run(cli: Cli): Promise<Finding>;
};
