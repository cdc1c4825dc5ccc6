import type {Readable, Writable} from 'node:stream';
import type {FailureCode, InstanceSpec} from '../api/agent/v1alpha1/instance.ts';
import type {Provider} from '../api/v1alpha1/workspace.ts';

/** What a backend knows of one instance that carries our mark. */
export type DriverInstance = {
  readonly uid: string;
  readonly name: string;
  readonly state: 'Running' | 'Stopped' | 'Frozen' | 'Starting' | 'Stopping' | 'Error';
  readonly specHash?: string;
  /** Static, known from creation on. */
  readonly address?: string;
  /** Of `address`, at which its sshd is reached from the node; 22 by default. */
  readonly sshPort?: number;
  readonly hostKey?: string;
  readonly limits: Limits;
  /** Some of `limits` hold from the next start on; it runs within those that it was started with. */
  readonly limitsPending?: boolean;
  readonly startedAt?: string;
  /** Of the last start by whomever, also while it is stopped; missing where the backend does not know. */
  readonly lastStartedAt?: string;
  /** Whether it was ever started, by whomever. */
  readonly hasRun: boolean;
  /** Set by {@link Driver.retire}. */
  readonly retired?: {readonly at: string; readonly until: string};
  /** Whether the image needs {@link Driver.provision} before sshd can answer. */
  readonly needsProvisioning: boolean;
  /** Made by {@link Transfer.import}, and not accepted yet. */
  readonly incoming?: {readonly mark: string; readonly complete: boolean};
};

export type Limits = {readonly cpus: number; readonly memory: number; readonly disk: number};

export type CreateOptions = {
  readonly spec: InstanceSpec;
  /** Installed at creation; the public half is reported as `hostKey`. OpenSSH private key format. */
  readonly hostKey: {readonly privateKey: string; readonly publicKey: string};
};

export type ExecOptions = {
  readonly command: readonly string[];
  /** A login name inside the instance; `root` or `dev`. */
  readonly user: string;
  /** The user's home by default. */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: {readonly columns: number; readonly rows: number; readonly term: string};
  readonly signal?: AbortSignal;
};

export type ExecProcess = {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty with a tty. */
  readonly stderr: Readable;
  /** 128 + signal number when killed by a signal. Rejects with DriverError when the backend lost it. */
  readonly exitCode: Promise<number>;
  resize(columns: number, rows: number): void;
  kill(signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGHUP'): void;
};

export type FileOptions = {readonly mode: number; readonly uid: number; readonly gid: number};

/** All of an instance on its way to another node. */
export type ExportedInstance = {
  /** What `import` needs beside the content; means something to drivers of the same format only, and may hold secrets. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Bytes of `content`, where that is known before. */
  readonly size?: number;
  /** Fails when the export does; destroyed by whoever does not want the rest. What was made for it is removed with it. */
  readonly content: Readable;
};

export type ImportOptions = {
  readonly uid: string;
  /** Reported in `incoming` until the copy is accepted; one line of at most 100 characters. */
  readonly mark: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** In place of those that came with it, which are another node's word. */
  readonly limits?: Limits;
  /** Fails instead of ending when it is not what was sent: only what has ended well may become an instance. */
  readonly content: Readable;
};

/**
 * Moving instances between nodes whose drivers name the same format. Not less than all that users put into an instance moves, with owners, modes, links
 * and extended attributes, and with it what makes the instance what it is: keys, host key, limits, whether it has run and was provisioned. What belongs to
 * the node, such as addresses, is given anew.
 */
export type Transfer = {
  readonly format: string;
  /** Of a stopped instance, which it leaves as it is. */
  export(uid: string, signal: AbortSignal): Promise<ExportedInstance>;
  /**
   * Makes a stopped instance that is observed with `incoming` from the first moment, and with `complete` once this has resolved. Leaves nothing when it
   * fails; of one that was cut off with the agent or the backend, {@link Driver.delete} removes what is left. Another incoming one of this uid is replaced;
   * throws NotPermittedNow where there is one that is not.
   */
  import(options: ImportOptions, signal: AbortSignal): Promise<DriverInstance>;
  /** From now on it is an instance like any other. */
  accept(uid: string): Promise<void>;
};

/** `uid` of what changed; undefined means "anything may have changed: observe all". */
export type DriverEvent = {readonly uid: string | undefined};

/**
 * One backend on this node. Contract of every driver, held by `test/contracts/driver-contract.ts`:
 *
 * - Idempotent: creating what exists, starting what runs, stopping what is stopped, deleting what is gone succeed and change nothing.
 * - Calls resolve when the change is done. A call that is cut off may be repeated; the backend's own operation is looked up and joined, not started twice.
 * - Only instances with our mark and installation are seen or touched.
 * - Throws {@link DriverError} and nothing else: also for a call that was given up, with code TimedOut and the signal's reason as the cause.
 */
export type Driver = AsyncDisposable & {
  readonly provider: Provider;
  /** Missing from a driver whose backend is certainly there. */
  readonly presence?: Presence;
  /** Backend, version and whether it answers now; never throws. */
  probe(): Promise<{backend: string; version: string; ready: boolean; message?: string}>;
  /** Makes what the driver needs on the backend (project, pool, network), once; safe to repeat. */
  prepare(): Promise<void>;
  capacity(): Promise<{capacity: Limits; allocatable: Limits}>;
  observe(): Promise<readonly DriverInstance[]>;
  observeOne(uid: string): Promise<DriverInstance | undefined>;
  create(options: CreateOptions, signal?: AbortSignal): Promise<DriverInstance>;
  start(uid: string, signal?: AbortSignal): Promise<void>;
  /** Without `force` it gets `timeout` milliseconds to shut itself down, and is then forced. */
  stop(uid: string, options: {force: boolean; timeout: number}, signal?: AbortSignal): Promise<void>;
  unfreeze(uid: string): Promise<void>;
  /** Gives the instance that carries this uid its canonical name; it must be stopped. */
  rename(uid: string): Promise<void>;
  /** Stops it first, by force, if it runs. */
  delete(uid: string): Promise<void>;
  /** Marks a stopped instance as kept until `until` (RFC 3339); {@link restore} takes the mark off. */
  retire(uid: string, times: {at: string; until: string}): Promise<void>;
  restore(uid: string): Promise<void>;
  setLimits(uid: string, limits: Limits): Promise<void>;
  /** Replaces the keys that open the instance, at once, whether it runs or not. */
  setAuthorizedKeys(uid: string, keys: readonly string[]): Promise<void>;
  /** First boot of an image that is not ours: sshd, user dev, and the keys that it was created with or given since. */
  provision(uid: string, signal?: AbortSignal): Promise<void>;
  exec(uid: string, options: ExecOptions): Promise<ExecProcess>;
  writeFile(uid: string, path: string, content: Uint8Array | Readable, options: FileOptions): Promise<void>;
  /** Rejects with Internal for what is no file, or has more than 16 MiB. */
  readFile(uid: string, path: string): Promise<Uint8Array>;
  /** Missing where instances can't leave their node. */
  readonly transfer?: Transfer | undefined;
  /** Pushed by the backend. Starts with one "anything" event, and gives one again whenever events may have been lost. */
  events(signal: AbortSignal): AsyncIterable<DriverEvent>;
};

/** Whether there is a backend on this machine at all, be it ready or not. */
export type Presence = {
  /** Once true, always true. */
  readonly present: boolean;
  /** Resolves once it is there; rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void>;
};

/** A fault of the backend, classified so that the controller can tell what helps. */
export class DriverError extends Error {
  override readonly name = 'DriverError';
  readonly code: FailureCode | 'NotFound';

  constructor(code: FailureCode | 'NotFound', message: string, options: {cause?: unknown} = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
  }
}

export function isDriverError(error: unknown, code?: DriverError['code']): error is DriverError {
  return error instanceof DriverError && (code === undefined || error.code === code);
}
