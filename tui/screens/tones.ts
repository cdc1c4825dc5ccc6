import type {Tone} from '../rows/row.ts';

/** Properties of Ink's Text. Without colours the words themselves say the same. */
export const toneStyle: Record<Tone, {color?: string; dimColor?: boolean}> = {
  plain: {},
  good: {color: 'green'},
  bad: {color: 'red'},
  busy: {color: 'yellow'},
  quiet: {dimColor: true},
};
