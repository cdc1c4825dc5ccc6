import test from 'ava';
import fc from 'fast-check';
import {allocatePorts, servicePorts, sshPorts} from '../../../controller/workspace/ports.ts';

const none = new Set<number>();
const requests = [
  {name: 'ssh', targetPort: 22},
  {name: 'web', targetPort: 3000},
  {name: 'api', targetPort: 4000},
];

test('the first workspace on a node gets the first ports: 3000 leads from 23000, 4000 from 23001', t => {
  t.deepEqual(allocatePorts(requests, {previous: [], taken: none, unusable: none}), {
    ports: [
      {name: 'ssh', nodePort: 2222, targetPort: 22},
      {name: 'web', nodePort: 23000, targetPort: 3000},
      {name: 'api', nodePort: 23001, targetPort: 4000},
    ],
    missing: [],
  });
});

test('ports that others hold are passed over', t => {
  const taken = new Set([2222, 2223, 23000]);
  const {ports} = allocatePorts(requests, {previous: [], taken, unusable: none});
  t.deepEqual(
    ports.map(({nodePort}) => nodePort),
    [2224, 23001, 23002],
  );
});

test('a port that was given stays when the service changes its own', t => {
  const previous = [{name: 'web', nodePort: 23007, targetPort: 8080}];
  const {ports} = allocatePorts(requests, {previous, taken: none, unusable: none});
  t.deepEqual(ports[1], {name: 'web', nodePort: 23007, targetPort: 3000});
});

test('a port that another program holds is exchanged for a free one, and never given again', t => {
  const previous = [{name: 'ssh', nodePort: 2222, targetPort: 22}];
  const {ports} = allocatePorts(requests.slice(0, 1), {previous, taken: none, unusable: new Set([2222])});
  t.deepEqual(ports, [{name: 'ssh', nodePort: 2223, targetPort: 22}]);
});

test('ports that all turn out to be taken are gone through, not to and fro', t => {
  let ports = [{name: 'ssh', nodePort: 2297, targetPort: 22}];
  const tried: (number | undefined)[] = [];
  for (let round = 0; round < 4; round += 1) {
    const unusable = new Set(ports.map(({nodePort}) => nodePort));
    ports = [...allocatePorts(requests.slice(0, 1), {previous: ports, taken: none, unusable}).ports];
    tried.push(ports[0]?.nodePort);
  }

  t.deepEqual(tried, [2298, 2299, 2222, 2223]);
});

test('what is no longer asked for is released', t => {
  const previous = [{name: 'old', nodePort: 23000, targetPort: 9}];
  const {ports} = allocatePorts(requests.slice(1, 2), {previous, taken: none, unusable: none});
  t.deepEqual(ports, [{name: 'web', nodePort: 23000, targetPort: 3000}]);
});

test('an empty pool is said, and what can be had is given', t => {
  const taken = new Set(Array.from({length: 78}, (_, index) => 2222 + index));
  const {ports, missing} = allocatePorts(requests, {previous: [], taken, unusable: none});
  t.deepEqual(missing, ['ssh']);
  t.deepEqual(
    ports.map(({name}) => name),
    ['web', 'api'],
  );
});

test('whatever is taken, no port is given twice, nor one that is taken, nor one outside its range', t => {
  const somePort = fc.oneof(fc.integer({min: 2222, max: 2299}), fc.integer({min: 23000, max: 23999}));
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({min: 1, max: 40}), {maxLength: 30}),
      fc.uniqueArray(somePort),
      fc.uniqueArray(somePort, {maxLength: 10}),
      (services, taken, unusable) => {
        const asked = [
          {name: 'ssh', targetPort: 22},
          ...services.map(port => ({name: `s${port}`, targetPort: port})),
        ];
        const {ports, missing} = allocatePorts(asked, {
          previous: [],
          taken: new Set(taken),
          unusable: new Set(unusable),
        });
        t.is(ports.length + missing.length, asked.length);
        t.is(new Set(ports.map(({nodePort}) => nodePort)).size, ports.length);
        for (const {name, nodePort} of ports) {
          const {first, last} = name === 'ssh' ? sshPorts : servicePorts;
          t.true(nodePort >= first && nodePort <= last);
          t.false(taken.includes(nodePort) || unusable.includes(nodePort));
        }
      },
    ),
  );
});
