#!/usr/bin/env node
// The entry, in plain JavaScript on purpose: an older Node.js must get as far as being told that it is too old, and
// whatever comes after is read from the compile cache with its types stripped already.
import {existsSync, readFileSync} from 'node:fs';
import {enableCompileCache} from 'node:module';
import {homedir} from 'node:os';
import path from 'node:path';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `error: nexus needs Node.js 24.12 or later, and this is ${process.versions.node} (${process.execPath})\n` +
      'hint: in a checkout, run `npm ci` and then hack/nexus, which brings its own Node.js.\n',
  );
  process.exit(1);
}

const home = process.env.NEXUS_HOME || path.join(homedir(), '.nexus');
const args = process.argv.slice(2);
// For commands, which should start fast; what runs for long would write into the home when it ends, which may be while
// the home is being removed. The home is not made for this: `nexus version` leaves no trace.
if (args[0] !== 'agent' && args[0] !== 'server' && existsSync(home)) {
  enableCompileCache(path.join(home, 'cache', 'node'));
}

if (args.length === 1 && (args[0] === 'version' || args[0] === '--version' || args[0] === '-V')) {
  const {version} = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`nexus ${version}\n`);
} else {
  const {main} = await import('./main.ts');
  await main();
}
