import {age} from '../../../api/v1alpha1/age.ts';
import type {Stored} from '../../../api/v1alpha1/kinds.ts';
import type {Column} from '../table.ts';

export const userColumns: readonly Column<Stored<'User'>>[] = [
  {header: 'NAME', cell: ({metadata}) => metadata.name},
  {header: 'ROLE', cell: ({spec}) => spec.role},
  {header: 'GITHUB', cell: ({spec}) => spec.githubUsername ?? ''},
  {header: 'KEYS', cell: ({spec}) => String(spec.sshKeys.length)},
  {header: 'AGE', cell: ({metadata}, now) => age(metadata.creationTimestamp, now)},
  {
    header: 'FINGERPRINTS',
    wide: true,
    cell: ({spec}) => spec.sshKeys.map(({fingerprint}) => fingerprint).join(','),
  },
];
