import {bindings} from '../key-bindings.ts';

/** One line for each key, in the order of the table of keys. */
export function helpLines(): string[] {
  return [
    'Keys',
    '',
    ...bindings.map(({keys, places, help}) => {
      const where = places.includes('anywhere') ? '' : `  (in ${places.join(', ')})`;
      return `  ${keys
        .map(key => (key === ' ' ? 'space' : key))
        .join(', ')
        .padEnd(18)} ${help}${where}`;
    }),
  ];
}
