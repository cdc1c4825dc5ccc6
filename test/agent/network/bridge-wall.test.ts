import test from 'ava';
import {createBridgeWall} from '../../../agent/network/bridge-wall.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

test('the wall is put up at once, again every half minute, and taken down whole', async t => {
  const clock = createManualClock();
  const scripts: string[] = [];
  const wall = createBridgeWall({bridge: 'nxdabcdef', clock, run: async script => void scripts.push(script)});
  t.is(await wall.keep(), undefined);
  t.is(await wall.keep(), undefined);
  t.is(scripts.length, 1);
  t.regex(scripts[0] ?? '', /^table inet nxdabcdef\ndelete table inet nxdabcdef\ntable inet nxdabcdef \{/);
  t.regex(scripts[0] ?? '', /iifname != "nxdabcdef" accept/, 'nobody else is concerned');

  await clock.advance(30_000);
  await wall.keep();
  t.is(scripts.length, 2);
  await wall.remove();
  t.is(scripts.at(-1), 'table inet nxdabcdef\ndelete table inet nxdabcdef\n');
});

test('where it can’t be put up that is said with the reason, and tried again later', async t => {
  const clock = createManualClock();
  let failing = true;
  const wall = createBridgeWall({
    bridge: 'nxdabcdef',
    clock,
    async run() {
      if (failing) throw new Error('Operation not permitted');
    },
  });
  t.regex((await wall.keep()) ?? '', /kept from services of the machine itself.*Operation not permitted/);
  failing = false;
  t.regex((await wall.keep()) ?? '', /not permitted/);
  await clock.advance(30_000);
  t.is(await wall.keep(), undefined);
});
