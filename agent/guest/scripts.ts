import {readFileSync} from 'node:fs';

/** The bash that runs inside instances; kept as files, so that it can be checked and read as what it is. */
const read = (name: string) => readFileSync(new URL(`scripts/${name}.sh`, import.meta.url), 'utf8');

const git = read('git');

export const scripts = {
  clone: git + read('clone'),
  fetch: git + read('fetch'),
  inspect: git + read('inspect'),
  setup: read('setup'),
  services: read('services'),
  environment: read('environment'),
} as const;
