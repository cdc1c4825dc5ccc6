import {age} from '../../../api/v1alpha1/age.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {Column} from '../table.ts';

export const eventColumns: readonly Column<Stored<'Event'>>[] = [
  {header: 'LAST SEEN', cell: ({spec}, now) => age(spec.lastTimestamp, now)},
  {
    header: 'TYPE',
    cell: ({spec}) => ({text: spec.type, tone: spec.type === 'Warning' ? 'warning' : undefined}),
  },
  {header: 'REASON', cell: ({spec}) => spec.reason},
  {
    header: 'OBJECT',
    cell: ({spec: {regarding}}) => `${regarding.kind.toLowerCase()}/${regarding.name}`,
  },
  {header: 'BY', wide: true, cell: ({spec}) => spec.actor},
  {header: 'COUNT', wide: true, cell: ({spec}) => String(spec.count)},
  {header: 'MESSAGE', cell: ({spec}) => spec.message},
];

/** By when they were last seen, oldest first. */
export function byLastSeen(left: Stored<'Event'>, right: Stored<'Event'>): number {
  return Date.parse(left.spec.lastTimestamp) - Date.parse(right.spec.lastTimestamp);
}
