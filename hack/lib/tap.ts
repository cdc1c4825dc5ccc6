// Reads TAP from stdin: shows progress and every failure in full on stderr, and at the end prints
// "PASSED FAILED SKIPPED" on stdout. Lines that belong to no test (a crash, a program's own output) are shown as they come.
import {createInterface} from 'node:readline';

const result = /^(?<verdict>ok|not ok) \d+ - (?<title>.*?)(?: # (?<directive>SKIP|TODO)\b.*)?$/;
const counts = {passed: 0, failed: 0, skipped: 0};
const skipped: string[] = [];
const live = process.stderr.isTTY;
let planned = false;
let failing = false;

for await (const line of createInterface({input: process.stdin})) {
  const groups = result.exec(line)?.groups;
  if (groups !== undefined) {
    const {verdict, title = '', directive} = groups;
    failing = verdict === 'not ok' && directive === undefined;
    if (directive !== undefined) {
      counts.skipped += 1;
      skipped.push(title);
    } else if (failing) {
      counts.failed += 1;
      say(`    ✗ ${title}`);
    } else {
      counts.passed += 1;
    }

    showProgress();
  } else if (/^1\.\.\d+$/.test(line)) {
    planned = true;
  } else if (failing) {
    say(`    ${line}`);
  } else if (!/^(TAP version|# (tests|pass|fail|skip|todo) |# |\s*$)/.test(line)) {
    say(`    | ${line}`);
  }
}

// Without its plan the run did not come to its end, whatever has passed until then.
if (!planned) {
  counts.failed += 1;
  say('    ✗ the test runner ended before it was done');
}

for (const title of skipped) {
  say(`    skipped: ${title}`);
}

say(`    ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
console.log(`${counts.passed} ${counts.failed} ${counts.skipped}`);

function say(text: string): void {
  process.stderr.write(`${live ? '\r\u001B[K' : ''}${text}\n`);
}

function showProgress(): void {
  const done = counts.passed + counts.failed + counts.skipped;
  if (live) {
    process.stderr.write(`\r\u001B[K    ${done} done, ${counts.failed} failed`);
  } else if (done % 100 === 0) {
    say(`    ${done} done, ${counts.failed} failed`);
  }
}
