import type {Command} from 'commander';

export function withOutput(command: Command): Command {
  return command
    .option('-o, --output <format>', 'table, wide, json, yaml, name or jsonpath=PATH')
    .option('--no-headers', 'no line with the names of columns');
}

export function withFiles(command: Command): Command {
  return command.option(
    '-f, --filename <file...>',
    'manifest or short form: a file, a folder of them, or - for standard input (default: .nexus/config.yaml)',
  );
}

export function withWait(command: Command, timeout: string): Command {
  return command
    .option('--wait', 'wait until it is done, showing progress')
    .option('--timeout <duration>', `give up waiting after this (default: ${timeout})`);
}
