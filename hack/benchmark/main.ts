#!/usr/bin/env node
import {writeFile} from 'node:fs/promises';
import {parseArgs} from 'node:util';
import type {Figure, Row} from './figure.ts';
import {isMet} from './figure.ts';
import {apiFigure} from './figures/api.ts';
import {burstFigure} from './figures/burst.ts';
import {deletionFigure} from './figures/deletion.ts';
import {driftFigure} from './figures/drift.ts';
import {failoverFigure} from './figures/failover.ts';
import {fleetFigure} from './figures/fleet.ts';
import {gatewayFigure} from './figures/gateway.ts';
import {kubernetesFigure} from './figures/kubernetes.ts';
import {loginFigure} from './figures/login.ts';
import {nodesFigure} from './figures/nodes.ts';
import {reachFigure} from './figures/reach.ts';
import {sshFigure} from './figures/ssh.ts';
import {storeFigure} from './figures/store.ts';
import {describeMachine} from './machine.ts';
import type {Setting} from './setting.ts';
import {createSetting} from './setting.ts';
import {formatTable} from './table.ts';

const figures: readonly Figure[] = [
  loginFigure,
  driftFigure,
  deletionFigure,
  burstFigure,
  sshFigure,
  gatewayFigure,
  apiFigure,
  fleetFigure,
  nodesFigure,
  storeFigure,
];
/** Measured only when asked for by name: they take long, or much of the machine. */
const extras: readonly Figure[] = [reachFigure, kubernetesFigure, failoverFigure];
const all = [...figures, ...extras];
const names = all.map(({name}) => name);

const {values} = parseArgs({
  options: {
    only: {type: 'string', multiple: true, default: figures.map(({name}) => name)},
    quick: {type: 'boolean', default: false},
    json: {type: 'string', default: 'bench.json'},
    markdown: {type: 'string'},
  },
});
const unknown = values.only.find(name => !names.includes(name));
if (unknown !== undefined) {
  console.error(`there is no figure ${unknown}; there are: ${names.join(', ')}`);
  process.exit(2);
}

await using stack = new AsyncDisposableStack();
let setting: Promise<Setting> | undefined;
const results: Record<string, readonly Row[]> = {};
for (const {name, measure} of all.filter(figure => values.only.includes(figure.name))) {
  console.error(`==> ${name}`);
  results[name] = await measure({
    quick: values.quick,
    async setting() {
      setting ??= createSetting().then(made => stack.use(made));
      return await setting;
    },
    say: text => console.error(`    ${text}`),
  });
}

const machine = describeMachine();
const rows = Object.values(results).flat();
const table = formatTable(rows);
console.log(`\n${machine}\n\n${table}`);
const report = {machine, time: new Date().toISOString(), quick: values.quick, figures: results};
await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
if (values.markdown !== undefined) {
  await writeFile(values.markdown, `${table}\nMedian and range; on ${machine}.\n`);
}

const missed = rows.filter(row => row.aim !== undefined && !isMet(row, row.aim));
console.error(
  missed.length === 0 ? 'every aim is met' : `missed: ${missed.map(({what}) => what).join('; ')}`,
);
