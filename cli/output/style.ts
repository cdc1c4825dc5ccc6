export type Tone = 'good' | 'bad' | 'warning' | 'dim' | 'strong' | 'added' | 'removed';

/** Puts a tone on a text; gives it back as it is where colours are not wanted. */
export type Style = (tone: Tone | undefined, text: string) => string;

const codes: Readonly<Record<Tone, readonly [number, number]>> = {
  good: [32, 39],
  bad: [31, 39],
  warning: [33, 39],
  dim: [2, 22],
  strong: [1, 22],
  added: [32, 39],
  removed: [31, 39],
};

export const plain: Style = (_tone, text) => text;

const coloured: Style = (tone, text) =>
  tone === undefined || text === '' ? text : `\u001B[${codes[tone][0]}m${text}\u001B[${codes[tone][1]}m`;

/** Colours on a terminal only, and never against NO_COLOR (https://no-color.org) or TERM=dumb; FORCE_COLOR has them anyway. */
export function styleFor(
  stream: {readonly isTTY?: boolean | undefined},
  env: Readonly<Record<string, string | undefined>>,
): Style {
  if ((env.NO_COLOR ?? '') !== '') {
    return plain;
  }

  const forced = (env.FORCE_COLOR ?? '0') !== '0';
  return forced || (stream.isTTY === true && env.TERM !== 'dumb') ? coloured : plain;
}
