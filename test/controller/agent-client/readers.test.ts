import {text} from 'node:stream/consumers';
import {pipeline} from 'node:stream/promises';
import test from 'ava';
import {createStreamMultiplexer} from '../../../api/agent/v1alpha1/stream-multiplexer.ts';
import {timestampAt} from '../../../api/effects/clock.ts';
import {silentLogger} from '../../../api/effects/logger.ts';
import {createReaders} from '../../../controller/agent-client/readers.ts';
import {nodeFactsAt} from '../../fakes/instances.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';
import type {MemoryLink} from '../../fakes/memory-link.ts';
import {createMemoryLink} from '../../fakes/memory-link.ts';
import {localNode} from '../../fakes/nodes.ts';
import {requestHandlers} from '../../fakes/request-handlers.ts';

/** Readers of nodes whose tunnels echo. */
function setUp() {
  const clock = createManualClock();
  const links: MemoryLink[] = [];
  const world: {refusal: Error | undefined; silent: boolean} = {refusal: undefined, silent: false};
  const readers = createReaders({
    clock,
    log: silentLogger,
    installation: 'abc123',
    async connect(_node, signal) {
      if (world.refusal !== undefined) {
        throw world.refusal;
      }

      if (world.silent) {
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      }

      const link = createMemoryLink(
        requestHandlers({
          initialize: async () => ({protocolVersion: 1, node: nodeFactsAt(timestampAt(clock.now()))}),
          'tunnel/open': async ({stream}) => {
            const {input, output, close} = createStreamsOf(link).accept(stream);
            void pipeline(input, output).then(
              () => close(),
              () => undefined,
            );
            return {};
          },
        }),
      );
      links.push(link);
      return link.connection;
    },
  });
  const multiplexers = new Map<MemoryLink, ReturnType<typeof createStreamMultiplexer>>();
  const createStreamsOf = (link: MemoryLink) => {
    const present = multiplexers.get(link) ?? createStreamMultiplexer(link.server);
    multiplexers.set(link, present);
    return present;
  };
  const tunnel = (node = localNode('box'), signal = new AbortController().signal) =>
    readers.open(node, {method: 'tunnel/open', params: {uid: 'u', port: 22}}, signal);
  return {clock, links, readers, tunnel, world};
}

async function echo(stream: Awaited<ReturnType<ReturnType<typeof setUp>['tunnel']>>, words: string) {
  stream.input.end(words);
  const said = await text(stream.output);
  await stream.finished;
  return said;
}

test('streams to one node share a connection, on which nothing is claimed to lead', async t => {
  const {links, readers, tunnel} = setUp();
  const [one, other] = await Promise.all([tunnel(), tunnel()]);
  t.is(await echo(one, 'one'), 'one');
  t.is(await echo(other, 'other'), 'other');
  t.is(links.length, 1);
  t.like(links[0]?.requests.find(({method}) => method === 'initialize')?.params, {role: 'reader', epoch: 0});
  await readers[Symbol.asyncDispose]();
});

test('a connection without streams is given up after a minute, and made again when needed', async t => {
  const {clock, links, readers, tunnel} = setUp();
  const open = await tunnel();
  await echo(await tunnel(), 'short');
  await clock.advance(120_000);
  t.false(links[0]?.connection.closed.aborted, 'one is still open');
  await echo(open, 'long');
  await clock.advance(59_000);
  t.false(links[0]?.connection.closed.aborted);
  await clock.advance(2000);
  t.true(links[0]?.connection.closed.aborted);
  t.is(await echo(await tunnel(), 'again'), 'again');
  t.is(links.length, 2);
  await readers[Symbol.asyncDispose]();
});

test('a lost connection ends its streams, and the next stream has a new one', async t => {
  const {links, readers, tunnel} = setUp();
  const lost = await tunnel();
  links[0]?.cut('the cable was pulled');
  await t.throwsAsync(lost.finished, {code: 'Disconnected', message: /the cable was pulled/});
  t.is(await echo(await tunnel(), 'again'), 'again');
  await readers[Symbol.asyncDispose]();
});

test('a node that is declared anew is reached as it is now, and what is open goes on', async t => {
  const {links, readers, tunnel} = setUp();
  const before = await tunnel();
  const after = await tunnel({...localNode('box'), spec: {...localNode('box').spec, address: '192.0.2.7'}});
  t.is(links.length, 2);
  t.is(await echo(before, 'before'), 'before');
  t.is(await echo(after, 'after'), 'after');
  await readers[Symbol.asyncDispose]();
});

test('why a node can not be reached is told, and it is tried again the next time', async t => {
  const {readers, tunnel, world} = setUp();
  world.refusal = new Error('no route to host');
  await t.throwsAsync(tunnel(), {
    code: 'Disconnected',
    message: "node box can't be reached: no route to host",
  });
  world.refusal = undefined;
  t.is(await echo(await tunnel(), 'hello'), 'hello');
  await readers[Symbol.asyncDispose]();
});

test('a node that does not answer is given up, by whoever waits or after 15 seconds', async t => {
  const {clock, readers, tunnel, world} = setUp();
  world.silent = true;
  const impatient = new AbortController();
  const first = t.throwsAsync(tunnel(localNode('box'), impatient.signal), {message: 'gone'});
  const second = t.throwsAsync(tunnel(), {message: /could not connect within 15 s/});
  await clock.settle();
  impatient.abort(new Error('gone'));
  await first;
  await clock.advance(15_001);
  await second;
  await readers[Symbol.asyncDispose]();
});
