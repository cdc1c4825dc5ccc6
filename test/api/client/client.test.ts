import type {RequestListener} from 'node:http';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import test from 'ava';
import {ApiError, isApiError} from '../../../api/client/api-error.ts';
import {createClient} from '../../../api/client/client.ts';
import type {ResourceEvent, ResourceList} from '../../../api/client/resource-client.ts';
import {follow} from '../../../api/client/watch.ts';
import type {Clock} from '../../../api/effects/clock.ts';
import type {Random} from '../../../api/effects/random.ts';

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const {port}: Pick<AddressInfo, 'port'> = Object.assign({port: 0}, server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

test('where nothing listens, the error says so and what to do', async t => {
  await using client = createClient({url: 'http://127.0.0.1:1'});
  const error = await t.throwsAsync(client.get('Workspace', 'web'));
  t.true(isApiError(error, 'Unreachable') && error.status === 0 && /nexus server/.test(error.hint ?? ''));
  t.regex(error?.message ?? '', /ECONNREFUSED/);
  await t.throwsAsync(client.workspaces.exec('web', {command: ['id']}), {code: 'Unreachable'});
});

test('an address that is none is refused at once', t => {
  for (const url of ['', 'localhost:3001', 'ftp://x']) {
    t.throws(() => createClient({url}), {code: 'InvalidAddress'});
  }
});

test('a server that is none of ours is told apart', async t => {
  await using html = await serve((_, response) => response.end('<html>'));
  await using client = createClient({url: html.url});
  await t.throwsAsync(client.get('Workspace', 'web'), {code: 'BadResponse', message: /not JSON/});
  await using broken = await serve((_, response) => response.writeHead(502).end('Bad gateway'));
  await using other = createClient({url: broken.url});
  await t.throwsAsync(other.get('Workspace', 'web'), {code: 'BadResponse', message: /502/});
});

test('a server that hangs is given up after the time-out, or with the signal', async t => {
  await using hung = await serve(() => undefined);
  await using client = createClient({url: hung.url, timeout: 50});
  await t.throwsAsync(client.get('Workspace', 'web'), {code: 'Unreachable'});
  await using patient = createClient({url: hung.url});
  const stop = new AbortController();
  const asking = patient.get('Workspace', 'web', {signal: stop.signal});
  stop.abort(new Error('enough'));
  await t.throwsAsync(asking, {message: 'enough'});
});

test('a prefix in the address is kept, and names are encoded', async t => {
  const seen: string[] = [];
  await using server = await serve((request, response) => {
    seen.push(request.url ?? '');
    response.end('{}');
  });
  await using client = createClient({url: `${server.url}/nexus/`});
  await client.get('Workspace', 'a/../b?c');
  t.deepEqual(seen, ['/nexus/apis/nexus.dev/v1alpha1/workspaces/a%2F..%2Fb%3Fc']);
});

/** Time that passes at once. */
function instantClock(slept: number[]): Clock {
  return {
    now: () => 0,
    async sleep(milliseconds) {
      slept.push(milliseconds);
    },
    schedule: () => ({[Symbol.dispose]() {}}),
  };
}

const random: Random = {fraction: () => 0.5, uuid: () => '', bytes: () => new Uint8Array()};

type Step =
  | {list: string}
  | {watch: readonly ResourceEvent<'Workspace'>[]; fails?: ApiError}
  | {fails: ApiError};

/** A client that goes through `steps`, and says what it was asked. */
function scripted(steps: Step[]) {
  const asked: string[] = [];
  const next = () => {
    const step = steps.shift() ?? {fails: new ApiError('Forbidden', 'the end', {status: 403})};
    if (!('list' in step) && !('watch' in step)) {
      throw step.fails;
    }

    return step;
  };
  return {
    asked,
    client: {
      async list<K>() {
        asked.push('list');
        const step = next();
        return {
          items: [],
          resourceVersion: 'list' in step ? step.list : '',
        } as unknown as ResourceList<never> & K;
      },
      async *watch(_: string, {resourceVersion}: {resourceVersion?: string} = {}) {
        asked.push(`watch ${resourceVersion}`);
        const step = next();
        yield* 'watch' in step ? step.watch : [];
        if ('fails' in step && step.fails !== undefined) {
          throw step.fails;
        }
      },
    },
  };
}

test('following resumes where it was cut off, lists again when that is Expired, and gives up what can not be mended', async t => {
  const bookmark = (resourceVersion: string) => ({type: 'BOOKMARK' as const, resourceVersion});
  const lost = new ApiError('Unreachable', 'lost');
  const {client, asked} = scripted([
    {list: '1'},
    {watch: [bookmark('1'), bookmark('5')], fails: lost},
    {fails: lost},
    {watch: [bookmark('6')]},
    {watch: [], fails: new ApiError('Expired', 'too old', {status: 410})},
    {list: '9'},
    {watch: [bookmark('9')]},
  ]);
  const slept: number[] = [];
  const changes: string[] = [];
  const following = (async () => {
    const options = {signal: new AbortController().signal, clock: instantClock(slept), random};
    for await (const change of follow(client as never, 'Workspace', options)) {
      changes.push(change.type);
    }
  })();
  await t.throwsAsync(following, {code: 'Forbidden'});
  t.deepEqual(changes, ['Listed', 'Disconnected', 'Disconnected', 'Connected', 'Listed']);
  t.deepEqual(asked, ['list', 'watch 1', 'watch 5', 'watch 5', 'watch 6', 'list', 'watch 9', 'watch 9']);
  t.deepEqual(slept, [188, 375]);
});
