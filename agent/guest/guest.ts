import type {Duplex, Readable} from 'node:stream';
import type {GitCredential, Instance, RepositorySpec} from '../../api/agent/v1alpha1/instance.ts';
import type {SetupRequest} from '../instances/instance-record.ts';
import type {ServiceHost} from '../services/service-host.ts';

export type RepositoryFacts = Pick<
  NonNullable<Instance['repository']>,
  'commit' | 'branch' | 'configuration' | 'unsaved'
>;

export type Inspection = {
  /** Whether anything in /home/dev would be lost with the instance. */
  readonly unsaved: boolean;
  /** Absent when there is no clone where one is expected. */
  readonly repository?: RepositoryFacts;
};

/** Whole seconds, in milliseconds, that all of it gets to end by itself before it is killed; 0 kills at once. */
export type Alone = {readonly grace: number};

export type CloneOptions = {readonly repository: RepositorySpec; readonly credential?: GitCredential};

export type SetupOutcome = {
  readonly exitCode: number;
  /** Index of the command that failed, or the last. */
  readonly step: number;
  /** Last lines of output. */
  readonly message: string;
};

/** What the agent does inside a running instance. Each call may be repeated. Throws GuestError, or DriverError when the backend failed. */
export type Guest = {
  /** Clones whole or not at all; a clone of the same repository that is already there is taken over as it is. */
  clone(uid: string, options: CloneOptions, signal: AbortSignal): Promise<RepositoryFacts>;
  /** Takes in new commits; merges only by fast-forward and only when nothing is uncommitted, else says why not. */
  fetch(
    uid: string,
    options: CloneOptions,
    signal: AbortSignal,
  ): Promise<RepositoryFacts & {readonly notMerged?: string}>;
  /**
   * `savedCommits` are kept elsewhere (in bundles), besides what is on the clone's remotes. `alone` first ends all that people have running, with services
   * and setup, so that nothing changes any more what was seen, as long as nobody comes in; throws when that can't be done.
   */
  inspect(
    uid: string,
    options: {directory?: string; savedCommits: readonly string[]; alone?: Alone},
    signal: AbortSignal,
  ): Promise<Inspection>;
  /** Variables for logins; the whole set. */
  setEnvironment(uid: string, env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>;
  /** Starts the run of this hash, or joins the one that goes on, or returns the outcome of one that is over; it outlives the agent. */
  setup(
    uid: string,
    request: SetupRequest,
    options: {signal: AbortSignal; onStep: (step: number) => void},
  ): Promise<SetupOutcome>;
  /** Kills the run, if there is one. */
  cancelSetup(uid: string): Promise<void>;
  services(uid: string, signal: AbortSignal): Promise<ServiceHost>;
  /** To a port on the instance's own loopback. */
  connect(uid: string, port: number): Promise<Duplex>;
  logs(
    uid: string,
    options: {source: LogSource; follow: boolean; tail?: number; signal: AbortSignal},
  ): Promise<Readable>;
};

export type LogSource = {readonly type: 'service'; readonly name: string} | {readonly type: 'setup'};
