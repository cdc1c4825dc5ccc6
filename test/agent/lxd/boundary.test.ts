import test from 'ava';
import {DriverError} from '../../../agent/driver.ts';
import type {BoundaryOptions} from '../../../agent/lxd/boundary.ts';
import {ensureBoundary, removeBoundary} from '../../../agent/lxd/boundary.ts';

const names = {bridge: 'nxabcdef'};
const networks = [
  {cidr: '192.0.2.7/24', internal: false},
  {cidr: '172.17.0.1/16', internal: true},
  {cidr: '10.70.1.1/24', internal: true},
] as const;

type Call = readonly [method: string, path: string, body?: unknown];

/** A backend that keeps what it is told, as far as this is about. */
function createBackend(failure?: DriverError) {
  const calls: Call[] = [];
  let acl: unknown;
  let config: Record<string, string> = {'ipv4.address': '10.70.1.1/24'};
  const client: BoundaryOptions['client'] = {
    get: async (_path, schema) => schema.parse({config}),
    find: async (_path, schema) => (acl === undefined ? undefined : schema.parse(acl)),
    async call(method, path, {body} = {}) {
      calls.push([method, path, body]);
      if (failure !== undefined) throw failure;
      if (method === 'PATCH') config = {...config, ...(body as {config: typeof config}).config};
      else acl = body;
      return {metadata: undefined, operation: undefined, etag: undefined};
    },
  };
  return {client, calls};
}

test('workspaces are kept from the machine, from each other and from where clouds tell secrets; the machine reaches them', async t => {
  const {client, calls} = createBackend();
  await ensureBoundary({client, names, networks});
  t.deepEqual(calls, [
    [
      'POST',
      '/1.0/network-acls',
      {
        name: 'nxabcdef',
        description: 'Nexus workspaces',
        egress: [
          {
            action: 'reject',
            state: 'enabled',
            destination: '10.70.1.0/24,169.254.0.0/16,172.17.0.0/16,192.0.2.7/32',
          },
        ],
        ingress: [{action: 'allow', state: 'enabled', source: '10.70.1.1/32'}],
      },
    ],
    [
      'PATCH',
      '/1.0/networks/nxabcdef',
      {
        config: {
          'security.acls': 'nxabcdef',
          'security.acls.default.egress.action': 'allow',
          'security.acls.default.ingress.action': 'reject',
        },
      },
    ],
  ]);
});

test('what is as it should be is not written again, and a new address of the machine is', async t => {
  const {client, calls} = createBackend();
  await ensureBoundary({client, names, networks});
  calls.length = 0;
  await ensureBoundary({client, names, networks: networks.toReversed()});
  t.deepEqual(calls, []);

  await ensureBoundary({client, names, networks: [...networks, {cidr: '198.51.100.9/31', internal: false}]});
  t.deepEqual(
    calls.map(([method, path]) => [method, path]),
    [['PUT', '/1.0/network-acls/nxabcdef']],
  );
  t.regex(JSON.stringify(calls), /198\.51\.100\.9\/32/);
});

test('its removal succeeds where there is none, and tells any other fault', async t => {
  await removeBoundary({client: createBackend(new DriverError('NotFound', 'no')).client, names});
  await t.throwsAsync(
    removeBoundary({client: createBackend(new DriverError('Internal', 'in use')).client, names}),
    {
      message: 'in use',
    },
  );
});
