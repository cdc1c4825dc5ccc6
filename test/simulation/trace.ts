import type {Logger} from '../../api/effects/logger.ts';

/** What happened in one run, line by line, with the time since its start. */
export type Trace = {
  add(text: string): void;
  readonly lines: readonly string[];
  /** A logger that writes here, when logs are wanted. */
  logger(name: string): Logger;
};

export function createTrace(options: {now: () => number; start: number; withLogs: boolean}): Trace {
  const lines: string[] = [];
  const add = (text: string) => {
    const seconds = ((options.now() - options.start) / 1000).toFixed(3).padStart(9);
    lines.push(`${seconds} ${text}`);
  };

  const logger = (name: string): Logger => {
    const write = (level: string) => (fields: object, message: string) => {
      if (options.withLogs) {
        add(`  ${name} ${level}: ${message} ${describe(fields)}`);
      }
    };
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: fields => logger(`${name} ${Object.values(fields).map(String).join(' ')}`),
    };
  };

  return {add, lines, logger};
}

function describe(fields: object): string {
  return JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? value.message : value));
}
