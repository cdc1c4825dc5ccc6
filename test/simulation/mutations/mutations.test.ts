import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import {drainPrefix} from '../run-seed.ts';
import {mutate, mutations, sourceOf} from './mutations.ts';

const run = promisify(execFile);

/** Within so many seeds each bug must show. */
const seeds = 60;

const loader = new URL('mutation-loader.ts', import.meta.url).href;
const hunt = new URL('hunt.ts', import.meta.url).pathname;

test('every mutation still applies to the code as it is', t => {
  t.true(mutations.length >= 10);
  for (const mutation of mutations) {
    for (const {file} of mutation.edits) {
      t.not(mutate(mutation, file, sourceOf(file)), sourceOf(file), mutation.name);
    }
  }
});

test('a mutation whose place is gone, or is not the only one, is an error that names it', t => {
  const mutation = {
    name: 'example',
    bug: '',
    edits: [{file: 'x.ts', from: 'a', to: 'b'}],
    shows: ['Convergence' as const],
  };
  t.throws(() => mutate(mutation, 'x.ts', 'nothing'), {
    message: /example no longer applies: x\.ts has its text 0/,
  });
  t.throws(() => mutate(mutation, 'x.ts', 'a a'), {message: /has its text 2 times/});
});

// That the very seeds which show bugs show nothing without one is for simulation-1 and simulation-drain to say, which run all of them in the same way. What
// they don't say is that the program which hunts is silent on its own account: that does not depend on the seed, and a few tell.
for (const prefix of ['', drainPrefix]) {
  test.serial(`without a bug the first seeds show nothing: ${prefix}1 to 3`, async t => {
    const {stdout} = await run(process.execPath, [hunt, '1', '3', prefix], {timeout: 110_000});
    t.is(stdout, '');
  });
}

for (const {name, bug, drains, shows} of mutations) {
  // One after the other: each takes a processor of its own.
  test.serial(`the simulation finds that ${bug}`, async t => {
    const {stdout} = await run(
      process.execPath,
      ['--import', loader, hunt, '1', String(seeds), drains ? drainPrefix : ''],
      {
        env: {...process.env, NEXUS_MUTATION: name},
        timeout: 110_000,
      },
    );
    t.not(stdout, '', `${seeds} seeds did not show it`);
    const {invariant, message}: {invariant: string; message: string} = JSON.parse(stdout);
    t.true(
      shows.some(expected => expected === invariant),
      message,
    );
    t.log(message.slice(0, 200));
  });
}
