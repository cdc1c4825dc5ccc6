import {execFileSync} from 'node:child_process';
import test from 'ava';
import fc from 'fast-check';
import {posixWords} from '../../../controller/agent-client/posix-words.ts';

test('words without anything special stay as they are', t => {
  t.is(posixWords(['nexus', 'agent', '--stdio', 'a=/b:c']), `nexus agent --stdio 'a=/b:c'`);
  t.is(posixWords(["it's", '', '$(reboot)']), `'it'\\''s' '' '$(reboot)'`);
});

test('an argument with a NUL is refused', t => {
  t.throws(() => posixWords(['a\0b']), {instanceOf: TypeError});
});

test('a shell gives back exactly the words that were quoted', t => {
  const word = fc.oneof(
    fc.string({unit: 'grapheme'}),
    fc.string({
      unit: fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', '*', '~', '!', '#', ';', '-', 'a', '='),
    }),
  );
  fc.assert(
    fc.property(
      fc.array(
        word.filter(text => !text.includes('\0')),
        {maxLength: 12},
      ),
      words => {
        const printed = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${posixWords(words)}`], {
          encoding: 'utf8',
        });
        t.deepEqual(
          words.length === 0 ? [] : printed.split('\0').slice(0, -1),
          words.map(text => text.toWellFormed()),
        );
      },
    ),
    {numRuns: 60},
  );
});
