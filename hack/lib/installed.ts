// Whether node_modules holds what package-lock.json says: exit status 0 if it does, else 1 and a line about what differs.
import {readFileSync} from 'node:fs';
import path from 'node:path';

interface Locked {
  readonly version?: string;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly peer?: boolean;
}

const root = path.resolve(import.meta.dirname, '../..');
const wanted = readPackages('package-lock.json');
const present = readPackages('node_modules/.package-lock.json');

for (const [name, {version, optional, devOptional, peer}] of Object.entries(wanted)) {
  const found = present[name]?.version;
  const mayBeAbsent = name === '' || optional === true || devOptional === true || peer === true;
  if (found === undefined ? !mayBeAbsent : found !== version) {
    console.log(`${name}: ${version ?? 'any'} is wanted, ${found ?? 'none'} is installed`);
    process.exit(1);
  }
}

function readPackages(file: string): Readonly<Record<string, Locked>> {
  const lock: {readonly packages: Readonly<Record<string, Locked>>} = JSON.parse(
    readFileSync(path.join(root, file), 'utf8'),
  );
  return lock.packages;
}
