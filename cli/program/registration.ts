import type {Cli} from '../cli.ts';

/** For commands that end with a code of their own, such as diff, or exec with that of what it ran. */
export type SetExitCode = (code: number) => void;

export type Registration = {readonly cli: Cli; readonly setExitCode: SetExitCode};
