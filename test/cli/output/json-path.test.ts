import test from 'ava';
import {evaluateJsonPath} from '../../../cli/output/json-path.ts';

const root = {
  items: [
    {name: 'a', 'example.com/x': 1},
    {name: 'b', 'example.com/x': 2},
  ],
  status: {conditions: [{type: 'Ready', status: 'True'}], ssh: {port: 2222}},
};

const cases: readonly (readonly [string, unknown[]])[] = [
  ['{.status.ssh.port}', [2222]],
  ['.status.ssh.port', [2222]],
  ['{$.status.ssh.port}', [2222]],
  ['{.items[*].name}', ['a', 'b']],
  ['{.items[0].name}', ['a']],
  ['{.items[-1].name}', ['b']],
  ["{.items[1]['example.com/x']}", [2]],
  ['{.status.conditions[?(@.type=="Ready")].status}', ['True']],
  ['{.status.conditions[?(@.type=="Gone")].status}', []],
  ['{.status.nothing.at.all}', []],
  ['{.constructor}', []],
  ['{.}', [root]],
];

for (const [path, expected] of cases) {
  test(`the path ${path} is followed`, t => {
    t.deepEqual(evaluateJsonPath(path, root), expected);
  });
}

for (const path of ['{..name}', '{.items[}', '{.items[?(@.a>1)]}', 'range']) {
  test(`the path ${path} is refused with an example`, t => {
    const error = t.throws(() => evaluateJsonPath(path, root), {name: 'CliError'});
    t.regex(Object.entries(error).find(([key]) => key === 'hint')?.[1], /status\.ssh\.port/);
  });
}
