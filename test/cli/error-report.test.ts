import test from 'ava';
import {ApiError} from '../../api/client/api-error.ts';
import {reportError} from '../../cli/error-report.ts';
import {CliError, exitCodes} from '../../cli/exit-code.ts';
import {startServer} from '../api/server/test-server.ts';
import {createBench} from './run-cli.ts';

const cases: readonly (readonly [string, unknown, number, RegExp])[] = [
  ['invalid', new ApiError('Invalid', 'x', {status: 422}), 2, /^error: x$/],
  ['no token', new ApiError('Unauthorized', 'x', {status: 401}), 4, /hint: Set NEXUS_TOKEN/],
  ['forbidden', new ApiError('Forbidden', 'x', {status: 403}), 4, /^error: x$/],
  ['not found', new ApiError('NotFound', 'x', {status: 404}), 5, /nexus get workspaces/],
  ['node not found', new ApiError('NotFound', 'There is no Node "x"', {status: 404}), 5, /nexus node list/],
  ['conflict', new ApiError('Conflict', 'x', {status: 409}), 8, /try again/],
  ['unreachable', new ApiError('Unreachable', 'x', {hint: 'start it'}), 7, /^error: x\nhint: start it$/],
  ['no address', new ApiError('InvalidAddress', 'x'), 2, /^error: x$/],
  ['a fault of the server', new ApiError('Internal', 'x', {status: 500, requestId: 'r-1'}), 1, /r-1/],
  ['a fault of ours', new Error('x', {cause: new Error('y')}), 1, /^error: x\n {2}because: y$/],
  ['no error at all', 'x', 1, /^error: x$/],
  ['timed out', new CliError('timedOut', 'x', {details: ['y'], hint: 'z'}), 6, /^error: x\n {2}y\nhint: z$/],
];

for (const [title, error, exitCode, text] of cases) {
  test(`${title} ends with exit code ${exitCode} and says what to do`, t => {
    const report = reportError(error);
    t.is(report.exitCode, exitCode);
    t.regex(report.lines.join('\n'), text);
  });
}

test('details of a refusal are told, each at its field', t => {
  const error = new ApiError('Invalid', 'x', {
    status: 422,
    details: [{path: 'spec.services[0].port', message: 'must be between 1 and 65535'}],
  });
  t.deepEqual(reportError(error).lines, ['error: x', '  spec.services[0].port: must be between 1 and 65535']);
});

test('what a refusal says of its fields is told once', t => {
  const details = [
    {path: 'repo.url', message: 'must be an address'},
    {path: 'name', message: 'is too long'},
  ];
  const message = 'The body is not valid: repo.url must be an address; name is too long';
  t.deepEqual(reportError(new ApiError('Invalid', message, {status: 400, details})).lines, [
    'error: The body is not valid',
    '  repo.url: must be an address',
    '  name: is too long',
  ]);
  const same = new ApiError('Invalid', 'Node "box" is not there', {
    details: [{path: 'spec.node', message: 'Node "box" is not there'}],
  });
  t.deepEqual(reportError(same).lines, ['error: Node "box" is not there']);
});

test('a server without TLS that is asked for it is told of in words', async t => {
  await using server = await startServer();
  await using bench = await createBench({...server, url: server.url.replace('http:', 'https:')});
  for (const argv of [
    ['get', 'workspaces'],
    ['exec', 'a', '--', 'id'],
  ]) {
    const {code, stderr} = await bench.nexus(argv);
    t.is(code, 7);
    t.regex(
      stderr,
      /^error: [^\n]* can't be reached: what answers there does not speak TLS\nhint: .*http:\/\//,
    );
  }
});

test('no two reasons share an exit code', t => {
  const codes = Object.values(exitCodes).map(({code}) => code);
  t.is(new Set(codes).size, codes.length);
});

test('what comes from a workspace or a server can not steer the terminal', t => {
  const hostile = 'x\u001B]0;gone\u0007\u009B2J';
  for (const error of [
    new CliError('failed', hostile, {details: [hostile], hint: hostile}),
    new ApiError('Invalid', hostile, {status: 422, details: [{path: hostile, message: hostile}]}),
    new Error(hostile, {cause: new Error(hostile)}),
  ]) {
    t.notRegex(reportError(error).lines.join(''), /\p{Cc}/u);
  }
});
