import {setTimeout as delay} from 'node:timers/promises';
import {Agent, request} from 'undici';
import {startChild} from '../child.ts';
import type {Figure, Row} from '../figure.ts';
import type {ServerFacts} from '../server-process.ts';
import type {Account} from '../simulated-store.ts';
import {percentile, summarise} from '../statistics.ts';

const stored = 2000;
const rate = 350;

type Ask = (account: Account, index: number) => string;

/** In equal parts. */
const mix: Readonly<Record<string, Ask>> = {
  get: ({workspaces}, index) => `/apis/nexus.dev/v1alpha1/workspaces/${pick(workspaces, index)}`,
  list: () => '/api/v1/workspaces',
  status: ({workspaces}, index) => `/api/v1/workspaces/${pick(workspaces, index)}/status`,
};

/**
 * Requests at a fixed rate, whether or not those before were answered, to a server in a process of its own. Times count from when a request was
 * due, so that a server that halts for a while pays for all that came meanwhile.
 */
export const apiFigure: Figure = {
  name: 'api',
  async measure({quick, say}) {
    await using child = await startChild('server-process.ts', String(stored));
    // What the child prints; its own type says what that is.
    const {url, accounts} = child.answer as ServerFacts;
    say(`${url} has ${stored} workspaces`);
    const dispatcher = new Agent({connections: 64, pipelining: 1});
    await load({url, accounts, dispatcher, seconds: 3});
    const times = await load({url, accounts, dispatcher, seconds: quick ? 5 : 30});
    await dispatcher.destroy();

    const all = Object.values(times).flat();
    const row = (what: string, value: number): Row => ({what, unit: 'ms', nexus: summarise([value])});
    const load350 = `${stored.toLocaleString('en')} workspaces, ${rate} requests/s`;
    return [
      row(`API, ${load350}: half of the answers within`, percentile(all, 0.5)),
      {
        ...row(`API, ${load350}: 99 % within`, percentile(all, 0.99)),
        aim: {of: 'median', atMost: 50},
        details: Object.fromEntries(
          Object.entries(times).map(([name, values]) => [name, percentile(values, 0.99)]),
        ),
      },
      row(`API, ${load350}: the slowest of ${all.length.toLocaleString('en')}`, percentile(all, 1)),
    ];
  },
};

type Load = ServerFacts & {readonly dispatcher: Agent; readonly seconds: number};

/** Milliseconds of each answer, by kind of request. Throws unless all are answered with 200. */
async function load({url, accounts, dispatcher, seconds}: Load): Promise<Record<string, number[]>> {
  const kinds = Object.entries(mix);
  const times: Record<string, number[]> = Object.fromEntries(kinds.map(([name]) => [name, []]));
  const begin = performance.now();
  const ask = async (index: number, due: number) => {
    const [name, pathOf] = pick(kinds, index);
    // Timers may be early by a millisecond.
    const since = Math.min(due, performance.now());
    const account = pick(accounts, index * 7919);
    const {statusCode, body} = await request(`${url}${pathOf(account, index)}`, {
      dispatcher,
      headers: {authorization: `Bearer ${account.token}`},
    });
    await body.text();
    if (statusCode !== 200) {
      throw new Error(`${name} was answered with ${statusCode}`);
    }

    times[name]?.push(performance.now() - since);
  };
  const asked: Promise<void>[] = [];
  for (let index = 0; index < seconds * rate; index += 1) {
    const due = begin + (index * 1000) / rate;
    const early = due - performance.now();
    if (early > 0) {
      await delay(early);
    }

    asked.push(ask(index, due));
  }

  await Promise.all(asked);
  return times;
}

function pick<T>(list: readonly T[], index: number): T {
  const picked = list[index % list.length];
  if (picked === undefined) {
    throw new Error('there is nothing to pick from');
  }

  return picked;
}
