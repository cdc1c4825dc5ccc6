import {age} from '../../api/v1alpha1/age.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {Column, Row} from './row.ts';

export const eventColumns: readonly Column[] = [
  {title: 'LAST SEEN', minimum: 10},
  {title: 'TYPE', minimum: 7},
  {title: 'REASON', minimum: 18, grow: 1},
  {title: 'OBJECT', minimum: 22, grow: 1},
  {title: 'COUNT', minimum: 5},
  {title: 'BY', minimum: 10},
  {title: 'MESSAGE', minimum: 20, grow: 5},
];

export function eventRow({metadata, spec}: Stored<'Event'>, now: number): Row {
  return {
    id: metadata.name,
    cells: [
      {text: age(spec.lastTimestamp, now), order: -Date.parse(spec.lastTimestamp)},
      {text: spec.type, tone: spec.type === 'Warning' ? 'bad' : 'plain'},
      {text: spec.reason},
      {text: `${spec.regarding.kind.toLowerCase()}/${spec.regarding.name}`},
      {text: `${spec.count}`, order: spec.count},
      {text: spec.actor},
      {text: spec.message},
    ],
  };
}
