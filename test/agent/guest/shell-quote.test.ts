import {spawnSync} from 'node:child_process';
import test from 'ava';
import fc from 'fast-check';
import {environmentFile, quote} from '../../../agent/guest/shell-quote.ts';

/** What bash makes of a script, with nothing in its environment. */
function bash(script: string): string {
  return spawnSync('/bin/bash', ['--norc', '-s'], {input: script, encoding: 'utf8', env: {}}).stdout;
}

/** Any text but NUL and lone surrogates, which neither shells nor UTF-8 can hold, rich in what shells treat specially. */
const value = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "'",
        '"',
        '\\',
        '$',
        '`',
        '\n',
        '\r',
        '\t',
        '!',
        '*',
        '~',
        '#',
        ' ',
        '$(id)',
        '$HOME',
        '\u{1F600}',
        'é',
      ),
      fc.string({unit: 'binary', maxLength: 8}),
    ),
  )
  .map(parts => parts.join('').replaceAll('\0', '').toWellFormed());

test('any text is one word, and the same text, to a shell', t => {
  fc.assert(
    fc.property(fc.array(value, {minLength: 1, maxLength: 20}), words => {
      const output = bash(`printf '%s\\0' ${words.map(quote).join(' ')}`);
      t.deepEqual(output.split('\0').slice(0, -1), words);
    }),
    {numRuns: 40},
  );
});

test('variables come out of an environment file as they were declared', t => {
  fc.assert(
    fc.property(fc.array(value, {minLength: 1, maxLength: 20}), values => {
      const env = Object.fromEntries(values.map((each, index) => [`V_${index}`, each]));
      const output = bash(
        `${environmentFile(env)}printf '%s\\0' ${values.map((_, index) => `"$V_${index}"`).join(' ')}`,
      );
      t.deepEqual(output.split('\0').slice(0, -1), values);
    }),
    {numRuns: 40},
  );
});
