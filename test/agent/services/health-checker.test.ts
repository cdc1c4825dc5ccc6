import test from 'ava';
import type {Probe} from '../../../agent/probe.ts';
import {RefusedError} from '../../../agent/probe.ts';
import {createHealthChecker} from '../../../agent/services/health-checker.ts';
import type {ServiceHost} from '../../../agent/services/service-host.ts';
import {newService} from '../../../agent/services/service-model.ts';
import type {HealthCheck, Service} from '../../../api/v1alpha1/service.ts';
import {createManualClock} from '../../fakes/manual-clock.ts';

const times = {interval: '5s', timeout: '2s', retries: 3, startPeriod: '30s'};
const refused = () => Promise.reject(new RefusedError('nothing listens on it'));
const answered = (status: number) => async () => status;

type Scene = {
  check?: Partial<HealthCheck>;
  probe?: Partial<Probe>;
  host?: Partial<ServiceHost>;
  port?: number;
  address?: string | null;
};

/** What one check of a service says. */
function check({check, probe, host, port = 80, address = '10.0.0.2'}: Scene) {
  const clock = createManualClock();
  const checker = createHealthChecker({
    clock,
    probe: {ssh: refused, tcp: refused, http: refused, ...probe},
    address: () => address ?? undefined,
    directory: () => '/home/dev/app',
  });
  const spec: Service = {
    name: 'web',
    command: 'serve',
    dependsOn: [],
    restart: 'always',
    env: {},
    port,
    ...(check === undefined ? {} : {healthCheck: {...times, ...check}}),
  };
  const inside: ServiceHost = {
    lost: new AbortController().signal,
    units: async () => [],
    start: refused,
    stop: refused,
    checkTcp: refused,
    checkHttp: refused,
    checkCommand: refused,
    onExit: () => ({[Symbol.dispose]() {}}),
    async [Symbol.asyncDispose]() {},
    ...host,
  };
  return {clock, outcome: checker.check(inside, newService(spec, 'h', 0))};
}

for (const [status, healthy] of [
  [200, true],
  [204, true],
  [302, true],
  [399, true],
  [400, false],
  [404, false],
  [500, false],
  [101, false],
] as const) {
  test(`an answer ${status} is ${healthy ? 'healthy' : 'not healthy'}`, async t => {
    const {outcome} = check({check: {http: '/healthz'}, probe: {http: answered(status)}});
    t.is(await outcome, healthy ? undefined : `GET /healthz on port 80 answered ${status}`);
  });
}

test('without a check the port of the service is tried', async t => {
  t.is(await check({probe: {tcp: async () => {}}}).outcome, undefined);
});

test('what refuses the node is asked from inside', async t => {
  t.is(await check({check: {http: '/'}, host: {checkHttp: answered(200)}}).outcome, undefined);
  t.is(await check({check: {tcp: 5432}, host: {checkTcp: async () => {}}}).outcome, undefined);
  t.is(await check({check: {tcp: 5432}}).outcome, 'nothing listens on it');
});

test('an instance without an address is asked from inside only', async t => {
  t.is(
    await check({address: null, probe: {tcp: async () => {}}, host: {checkTcp: async () => {}}}).outcome,
    undefined,
  );
});

test('http may have a port of its own', async t => {
  let asked = 0;
  const http: Probe['http'] = async (_address, {port}) => {
    asked = port;
    return 200;
  };
  await check({check: {http: '/', port: 9090}, probe: {http}}).outcome;
  t.is(asked, 9090);
});

test('a command is run in the repository', async t => {
  let asked: unknown;
  const checkCommand: ServiceHost['checkCommand'] = async request => {
    asked = request;
  };
  t.is(await check({check: {command: 'test -f x'}, host: {checkCommand}}).outcome, undefined);
  t.deepEqual(asked, {service: 'web', command: 'test -f x', directory: '/home/dev/app'});
});

test('a check that takes longer than its timeout has failed', async t => {
  const {clock, outcome} = check({check: {http: '/'}, probe: {http: () => new Promise(() => {})}});
  await clock.advance(2000);
  t.is(await outcome, 'no answer within 2000 ms');
});

test('no timeout reaches five seconds', async t => {
  const {clock, outcome} = check({
    check: {http: '/', timeout: '1m'},
    probe: {http: () => new Promise(() => {})},
  });
  await clock.advance(4999);
  t.is(await outcome, 'no answer within 4900 ms');
});
