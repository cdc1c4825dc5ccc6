import test from 'ava';
import {invalid} from '../../../../api/server/kubernetes/status-error.ts';

const refusal = (count: number) =>
  invalid(
    {plural: 'workspaces', kind: 'Workspace', name: 'web'},
    Array.from({length: count}, (_, index) => ({
      type: 'FieldValueInvalid',
      field: `spec.f${index}`,
      value: 1,
      detail: 'is wrong',
    })),
  ).status;

test('a refusal tells of the first hundred faults, and how many more there are', t => {
  const {details, message = ''} = refusal(1234);
  t.is(details?.causes?.length, 100);
  t.regex(message, /spec\.f99: .*, … and 1134 more\]$/);
  t.notRegex(message, /spec\.f100:/);
});

test('a refusal of a hundred tells of all', t => {
  const {details, message = ''} = refusal(100);
  t.is(details?.causes?.length, 100);
  t.notRegex(message, /more/);
});
