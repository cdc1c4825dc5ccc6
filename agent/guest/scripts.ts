import {readFileSync} from 'node:fs';

/** The bash that runs inside instances; kept as files, so that it can be checked and read as what it is. */
const read = (name: string) => readFileSync(new URL(`scripts/${name}.sh`, import.meta.url), 'utf8');

const git = read('git');
const supervision = read('supervision');
const cancelSetup = supervision + read('cancel-setup');

export const scripts = {
  clone: git + read('clone'),
  fetch: git + read('fetch'),
  inspect: git + read('inspect'),
  alone: read('alone'),
  setup: cancelSetup + read('setup'),
  cancelSetup: `${cancelSetup}cancel\nexit 0\n`,
  services: supervision + read('services-systemd') + read('services-runit') + read('services'),
  logs: supervision + read('logs'),
  /** The first job of an instance that has no systemd: kept by the image as /usr/local/lib/nexus/init. */
  init: read('init'),
  environment: read('environment'),
} as const;
