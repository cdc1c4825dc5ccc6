import test from 'ava';
import {isHalfMade} from '../../../agent/lxd/half-made.ts';
import type {RawInstance} from '../../../agent/lxd/observe.ts';

/** As Incus lists it after it was killed 25 ms into a creation. */
const halfMade: RawInstance = {
  name: 'nexus-x',
  project: 'nexus-abcdef',
  status_code: 102,
  last_used_at: '1970-01-01T00:00:00Z',
  config: {'volatile.base_image': '181a', 'volatile.last_state.idmap': '[]', 'volatile.uuid': 'x'},
  devices: {},
};

const others: Readonly<Record<string, Partial<RawInstance>>> = {
  'one that is complete and was not started yet': {
    config: {...halfMade.config, 'volatile.apply_template': 'create'},
  },
  'one that was stopped': {config: {...halfMade.config, 'volatile.last_state.power': 'STOPPED'}},
  'one whose first start was cut off': {config: {...halfMade.config, 'volatile.idmap.current': '[]'}},
  'one that was started at any time': {last_used_at: '2026-11-20T18:21:13Z'},
  'one that runs': {status_code: 103},
  'one that came from no image': {config: {}},
};

test('a record whose disk was never completed is half-made', t => {
  t.true(isHalfMade(halfMade));
});

for (const [what, difference] of Object.entries(others)) {
  test(`${what} is not half-made`, t => {
    t.false(isHalfMade({...halfMade, ...difference}));
  });
}
