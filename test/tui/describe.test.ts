import test from 'ava';
import {describeResource} from '../../cli/output/describe.ts';
import type {ShownResource} from '../../cli/output/kind-columns.ts';
import {plain} from '../../cli/output/style.ts';
import {applyChanges} from '../../tui/apply-changes.ts';
import {describe} from '../../tui/describe.ts';
import {initialState} from '../../tui/state.ts';
import {backOffEvent, box, now, shop} from '../cli/output/literals.ts';
import {eventAbout, workspaceNamed} from './literals.ts';

const labels = (lines: readonly string[]) =>
  lines.flatMap(line => /^(?<label>[A-Z][^:]*):/.exec(line)?.[1] ?? []);

for (const resource of [shop, box, backOffEvent] satisfies ShownResource[]) {
  test(`a ${resource.kind} is described under the labels that nexus describe has`, t => {
    const {kind, metadata} = resource;
    const state = applyChanges(initialState, [
      {type: 'synced', kind: 'Workspace', items: [shop]},
      {type: 'synced', kind: 'Node', items: [box]},
      {type: 'synced', kind: 'Event', items: [backOffEvent]},
    ]);
    const known = labels(describeResource(resource, {now, style: plain, events: [backOffEvent]}));
    // Told as "none" here, where the other leaves a line out.
    const shown = labels(describe(state, {kind, name: metadata.name}, now)).filter(
      label => !['Services', 'Instance', 'Agent', 'Providers', 'Events, oldest first'].includes(label),
    );
    t.true(shown.length > 5);
    t.deepEqual(
      shown.filter(label => !known.includes(label)),
      [],
    );
  });
}

test('events are told in the order of their title', t => {
  const state = applyChanges(initialState, [
    {type: 'synced', kind: 'Workspace', items: [workspaceNamed('a')]},
    {
      type: 'synced',
      kind: 'Event',
      items: [eventAbout('a', 'Second', '2026-01-01T00:00:30.000Z'), eventAbout('a', 'First')],
    },
  ]);
  t.regex(
    describe(state, {kind: 'Workspace', name: 'a'}, now).join('\n'),
    /\nEvents, oldest first:\n.* First .*\n.* Second /,
  );
});
