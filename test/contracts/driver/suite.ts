import {randomUUID} from 'node:crypto';
import {text} from 'node:stream/consumers';
import type {ExecutionContext} from 'ava';
import test from 'ava';
import type {CreateOptions, Driver, DriverInstance, ExecOptions} from '../../../agent/driver.ts';
import {DriverError} from '../../../agent/driver.ts';
import {exampleHostKey, exampleKey} from './example.ts';

/** What somebody does with the backend's own command line. Names are the backend's. */
export type ByHand = {
  start(name: string): Promise<void>;
  /** By force. */
  stop(name: string): Promise<void>;
  freeze(name: string): Promise<void>;
  /** Of a stopped one. */
  rename(name: string, to: string): Promise<void>;
  /** Of a stopped one. */
  delete(name: string): Promise<void>;
  /** Of a stopped one, with all its config; the copy is stopped. */
  copy(name: string, to: string): Promise<void>;
  /** A stopped instance without our marks. */
  createForeign(name: string): Promise<void>;
  stateOf(name: string): Promise<string | undefined>;
};

export type DriverFixture = AsyncDisposable & {
  readonly driver: Driver;
  readonly byHand: ByHand;
  /** One that starts within seconds and has the users root and dev. */
  readonly image: string;
  /** Another backend, or another part of this one, for those whose instances can be moved; disposed of with this fixture. */
  readonly elsewhere?: () => Promise<Driver>;
};

/**
 * What a backend may lack by its nature. Each test names what it needs beyond the contract itself, and each lack is declared with its reason, so
 * that nothing is left out unseen.
 *
 * - `Inside`: instances are real: they have a shell, a kernel, limits.
 * - `Freeze`: somebody can freeze an instance by hand.
 * - `Rename`: somebody can rename an instance by hand.
 * - `Copy`: somebody can copy an instance with all our marks.
 * - `LiveLimits`: limits change while it runs.
 * - `OfflineFiles`: files of what does not run can be read and written.
 * - `Network`: instances are on a network of the node's.
 * - `Templates`: the backend writes files of a stopped instance by the image's templates.
 */
export type Capability =
  | 'Inside'
  | 'Freeze'
  | 'Rename'
  | 'Copy'
  | 'LiveLimits'
  | 'OfflineFiles'
  | 'Network'
  | 'Templates';

export type DriverContractOptions = {
  open(): Promise<DriverFixture>;
  /** Each with the reason. Nothing by default. */
  readonly lacks?: Partial<Record<Capability, string>>;
};

type Body = (t: ExecutionContext, fixture: DriverFixture) => Promise<void>;

/** What the tests of all parts share: one fixture, and one running instance that none of them changes. */
export type DriverSuite = {
  it(title: string, body: Body): void;
  /** A test that says what it needs. */
  needs(...capabilities: readonly Capability[]): (title: string, body: Body) => void;
  has(capability: Capability): boolean;
  /** `needs('Inside')`. */
  itReally(title: string, body: Body): void;
  /** Called once all tests are registered: says, as a test for each lack, what was left out for it. */
  tellLeftOut(): void;
  /** The uid of the instance that runs all the time. */
  box(): string;
  request(change?: Partial<CreateOptions['spec']>): CreateOptions;
  /** A new one, deleted after the test. */
  instance(t: ExecutionContext, options?: {started?: boolean}): Promise<DriverInstance>;
  stateOf(uid: string): Promise<string | undefined>;
  /** In the box, as dev unless told otherwise, without input. */
  run(command: readonly string[], options?: RunOptions): Promise<Outcome>;
  fails(t: ExecutionContext, code: DriverError['code'], call: Promise<unknown>): Promise<void>;
};

export type RunOptions = Partial<Omit<ExecOptions, 'command'>> & {readonly uid?: string};

export type Outcome = {readonly stdout: string; readonly stderr: string; readonly exitCode: number};

export function createDriverSuite(name: string, {open, lacks = {}}: DriverContractOptions): DriverSuite {
  let opened: DriverFixture | undefined;
  const box = randomUUID();

  test.before(`${name}: opens`, async () => {
    opened = await open();
    await opened.driver.create(request({uid: box}));
    await opened.driver.start(box);
  });

  test.after.always(`${name}: closes`, async () => {
    await opened?.[Symbol.asyncDispose]();
  });

  function fixture(): DriverFixture {
    if (opened === undefined) throw new Error('the fixture could not be opened');
    return opened;
  }

  function request(change: Partial<CreateOptions['spec']> = {}): CreateOptions {
    return {
      hostKey: exampleHostKey,
      spec: {
        uid: randomUUID(),
        name: 'demo',
        provider: fixture().driver.provider,
        image: fixture().image,
        limits: {cpus: 1, memory: 2 ** 28, disk: 2 ** 30},
        env: {},
        authorizedKeys: [exampleKey],
        specHash: 'hash-1',
        ...change,
      },
    };
  }

  const it: DriverSuite['it'] = (title, body) => {
    test.serial(`${name}: ${title}`, async t => await body(t, fixture()));
  };

  const leftOut = new Map<Capability, string[]>(Object.keys(lacks).map(key => [key as Capability, []]));
  const needs: DriverSuite['needs'] =
    (...capabilities) =>
    (title, body) => {
      const lacking = capabilities.filter(each => lacks[each] !== undefined);
      for (const each of lacking) {
        leftOut.get(each)?.push(title);
      }
      if (lacking.length === 0) {
        it(title, body);
      }
    };

  return {
    it,
    needs,
    has: capability => lacks[capability] === undefined,
    itReally: needs('Inside'),
    tellLeftOut() {
      for (const [capability, titles] of leftOut) {
        test(`${name}: lacks ${capability}: ${lacks[capability]} (${titles.length} tests left out)`, t => {
          for (const title of titles) t.log(title);
          t.true(titles.length > 0, 'a lack that no test asks about need not be declared');
        });
      }
    },
    box: () => box,
    request,

    async instance(t, {started = false} = {}) {
      const {driver} = fixture();
      const options = request();
      t.teardown(async () => await driver.delete(options.spec.uid));
      const created = await driver.create(options);
      if (started) await driver.start(created.uid);
      return created;
    },

    async stateOf(uid) {
      return (await fixture().driver.observeOne(uid))?.state;
    },

    async run(command, {uid = box, ...options} = {}) {
      const process = await fixture().driver.exec(uid, {command, user: 'dev', ...options});
      process.stdin.end();
      const [stdout, stderr, exitCode] = await Promise.all([
        text(process.stdout),
        text(process.stderr),
        process.exitCode,
      ]);
      return {stdout, stderr, exitCode};
    },

    async fails(t, code, call) {
      const error = await t.throwsAsync(call, {instanceOf: DriverError});
      t.is(error?.code, code, error?.message);
    },
  };
}
