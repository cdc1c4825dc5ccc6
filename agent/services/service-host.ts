/** Everything that makes a service run; `hash` names this content. */
export type ServiceUnit = {
  readonly name: string;
  readonly hash: string;
  /** Run by bash as dev. */
  readonly command: string;
  /** Absolute. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
};

/** A run of a unit: systemd's invocation id. */
export type Invocation = string;

export type UnitStatus = {
  readonly name: string;
  readonly hash: string;
  readonly invocation: Invocation;
  /** `exit` is set once it does not run any more. */
  readonly pid?: number;
  readonly exit?: UnitExit;
};

export type UnitExit = {
  readonly name: string;
  readonly invocation: Invocation;
  /** 128 + signal number when a signal ended it. */
  readonly exitCode: number;
  /** For people: how it ended. */
  readonly message: string;
};

export type Started = {readonly invocation: Invocation; readonly pid?: number};

/** A live session with the services of one running instance. Calls reject with GuestError; all of them once the session is lost. */
export type ServiceHost = AsyncDisposable & {
  readonly lost: AbortSignal;
  /** Those that run, and the last exits of those that don't. */
  units(): Promise<readonly UnitStatus[]>;
  /** Puts the unit's files in place and starts it; succeeds when it runs already. */
  start(unit: ServiceUnit): Promise<Started>;
  /** Stops it, kills what does not stop, and takes its files away; succeeds when it is not there. */
  stop(name: string): Promise<void>;
  /** Checks from inside; each rejects, with a reason, when it fails. */
  checkTcp(port: number, timeout: number): Promise<void>;
  checkHttp(request: {port: number; path: string}, timeout: number): Promise<number>;
  /** Runs `command` as the service would. */
  checkCommand(check: {service: string; command: string; directory: string}, timeout: number): Promise<void>;
  /** Exits as they happen, also some that `units` has told already. */
  onExit(listener: (exit: UnitExit) => void): Disposable;
};
