import {once} from 'node:events';
import {text} from 'node:stream/consumers';
import {DriverError} from '../../../agent/driver.ts';
import type {DriverSuite} from './suite.ts';

/** Commands inside an instance. */
export function execContract({it, itReally, box, run, fails, instance}: DriverSuite): void {
  it('a command ends with its own exit code', async t => {
    t.is((await run(['true'])).exitCode, 0);
    t.is((await run(['false'])).exitCode, 1);
  });

  it('output and error output are kept apart', async t => {
    t.deepEqual(await run(['echo', 'one  two', '$HOME']), {
      stdout: 'one  two $HOME\n',
      stderr: '',
      exitCode: 0,
    });
    const {stdout, stderr, exitCode} = await run(['ls', '/missing']);
    t.is(stdout, '');
    t.regex(stderr, /No such file/);
    t.is(exitCode, 2);
  });

  itReally('nothing of what short commands say is lost', async t => {
    const command = ['sh', '-c', 'echo out; echo error >&2'];
    for (let round = 0; round < 25; round += 1) {
      const results = await Promise.all(Array.from({length: 4}, () => run(command)));
      for (const result of results) t.deepEqual(result, {stdout: 'out\n', stderr: 'error\n', exitCode: 0});
    }
  });

  it('a command that does not exist is no fault of the backend', async t => {
    t.is((await run(['no-such-command'])).exitCode, 127);
  });

  it('input goes in to its end', async (t, {driver}) => {
    const cat = await driver.exec(box(), {command: ['cat'], user: 'dev'});
    cat.stdin.write('one\n');
    cat.stdin.end('two\n');
    t.is(await text(cat.stdout), 'one\ntwo\n');
    t.is(await cat.exitCode, 0);
  });

  it('carries 10 MB out, whole', async (t, {driver}) => {
    const size = 10_000_000;
    const head = await driver.exec(box(), {command: ['head', '-c', String(size), '/dev/zero'], user: 'dev'});
    head.stdin.end();
    let received = 0;
    for await (const chunk of head.stdout) received += chunk.length;
    t.is(received, size);
    t.is(await head.exitCode, 0);
  });

  it('carries 10 MB in and out again, whole', async (t, {driver}) => {
    const size = 10_000_000;
    const cat = await driver.exec(box(), {command: ['cat'], user: 'dev'});
    cat.stdin.end(Buffer.alloc(size, 7));
    let received = 0;
    for await (const chunk of cat.stdout) received += chunk.length;
    t.is(received, size);
    t.is(await cat.exitCode, 0);
  });

  it('runs as the user asked for, at home unless told otherwise', async t => {
    t.is((await run(['id', '-un'])).stdout, 'dev\n');
    t.is((await run(['id', '-un'], {user: 'root'})).stdout, 'root\n');
    t.is((await run(['pwd'])).stdout, '/home/dev\n');
    t.is((await run(['pwd'], {directory: '/tmp'})).stdout, '/tmp\n');
    t.is((await run(['printenv', 'HOME'])).stdout, '/home/dev\n');
  });

  it('a folder that is not there is an error, and the command is not run somewhere else', async t => {
    const {stdout, stderr, exitCode} = await run(['pwd'], {directory: '/missing'});
    t.is(stdout, '');
    t.regex(stderr, /\/missing/);
    t.is(exitCode, 1);
  });

  it('a command that does not exist ends the same in any folder', async t => {
    t.deepEqual(await run(['no-such-command'], {directory: '/tmp'}), {stdout: '', stderr: '', exitCode: 127});
  });

  it('passes the environment on as it is', async t => {
    const value = 'a "b" $C \'d\' ü\nsecond line';
    t.is((await run(['printenv', 'NEXUS_TEST'], {env: {NEXUS_TEST: value}})).stdout, `${value}\n`);
  });

  it('a command killed by a signal ends with 128 and its number', async (t, {driver}) => {
    for (const [signal, number] of [
      ['SIGTERM', 15],
      ['SIGKILL', 9],
    ] as const) {
      const sleep = await driver.exec(box(), {command: ['sleep', '600'], user: 'dev'});
      sleep.kill(signal);
      t.is(await sleep.exitCode, 128 + number);
    }
  });

  it('a command is killed once its caller gives up', async (t, {driver}) => {
    const given = new AbortController();
    const sleep = await driver.exec(box(), {command: ['sleep', '600'], user: 'dev', signal: given.signal});
    given.abort(new Error('enough'));
    t.is(await sleep.exitCode, 137);
    t.true(sleep.stdout.destroyed);
  });

  it('giving up ends a command whose output nobody reads', async (t, {driver}) => {
    const given = new AbortController();
    const command = ['head', '-c', '50000000', '/dev/zero'];
    const head = await driver.exec(box(), {command, user: 'dev', signal: given.signal});
    given.abort(new Error('enough'));
    t.true((await head.exitCode) >= 128);
  });

  it('giving up beforehand starts nothing', async (t, {driver}) => {
    const signal = AbortSignal.abort(new Error('enough'));
    await fails(t, 'TimedOut', driver.exec(box(), {command: ['true'], user: 'dev', signal}));
  });

  it('commands end when their instance stops', async (t, {driver}) => {
    const {uid} = await instance(t, {started: true});
    const sleep = await driver.exec(uid, {command: ['sleep', '600'], user: 'root'});
    await driver.stop(uid, {force: true, timeout: 0});
    const outcome = await sleep.exitCode.catch((error: unknown) => error);
    t.true(outcome === 137 || outcome instanceof DriverError, String(outcome));
  });

  it('nothing can be executed in what does not run', async (t, {driver}) => {
    const {uid} = await instance(t);
    await fails(t, 'NotPermittedNow', driver.exec(uid, {command: ['true'], user: 'root'}));
  });

  itReally('a user that the instance does not have is NotFound', async (t, {driver}) => {
    await fails(t, 'NotFound', driver.exec(box(), {command: ['true'], user: 'nobody-here'}));
    t.is((await run(['id', '-un'], {user: 'daemon', directory: '/'})).stdout, 'daemon\n');
  });

  itReally(
    'a terminal has the size it was given, and then the one it was changed to',
    async (t, {driver}) => {
      const script = "stty size; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done";
      const shell = await driver.exec(box(), {
        command: ['bash', '-c', script],
        user: 'dev',
        tty: {columns: 100, rows: 30, term: 'xterm-256color'},
      });
      let output = '';
      for await (const chunk of shell.stdout.setEncoding('utf8')) {
        if (!output.includes('ready') && `${output}${chunk}`.includes('ready')) shell.resize(120, 40);
        output += chunk;
      }
      t.deepEqual(output.trim().split(/\s*\r\n/), ['30 100', 'ready', '40 120']);
      t.is(await shell.exitCode, 0);
      t.is(await text(shell.stderr), '');
    },
  );

  itReally('on a terminal input is a keyboard', async (t, {driver}) => {
    const cat = await driver.exec(box(), {
      command: ['cat'],
      user: 'dev',
      tty: {columns: 80, rows: 24, term: 'dumb'},
    });
    let shown = '';
    cat.stdout.on('data', data => {
      shown += data;
    });
    cat.stdin.write('typed\r');
    // Once by the terminal, and once by the program.
    while (!/typed\r\ntyped\r\n/.test(shown)) await once(cat.stdout, 'data');
    cat.stdin.write('\u0004');
    t.is(await cat.exitCode, 0);
  });

  itReally('what a reader does not take is not read ahead', async (t, {driver}) => {
    const command = ['bash', '-c', 'head -c 200000000 /dev/zero; echo done > /tmp/back-pressure'];
    const head = await driver.exec(box(), {command, user: 'dev'});
    const before = process.memoryUsage.rss();
    // Meanwhile another command's whole life passes.
    t.is((await run(['sleep', '0.5'])).exitCode, 0);
    t.is((await run(['test', '-e', '/tmp/back-pressure'])).exitCode, 1);
    t.true(process.memoryUsage.rss() - before < 100_000_000);
    head.kill('SIGKILL');
    head.stdout.resume();
    t.is(await head.exitCode, 137);
  });
}
