import type {Rate} from '../server/token-buckets.ts';

/** What keeps one caller from taking the gateway from the others. Times in milliseconds. */
export type GatewayLimits = {
  /** From the connection to the login; 30,000 by default. */
  readonly loginGrace: number;
  /** Keys that one connection may offer; 10 by default, as many as agents commonly hold. */
  readonly authTries: number;
  /** Connections of one address, logged in or not; 512 by default: a whole office may be behind one. */
  readonly perAddress: number;
  /** Connections of all that have not logged in; 128 by default. */
  readonly strangers: number;
  /** Connections of one user; 512 by default: one for each ssh, scp and git under way. */
  readonly perUser: number;
  /** Sessions on one connection, as a shared one (ControlMaster) opens them; 64 by default. */
  readonly perConnection: number;
  /** New connections of an address; 20 a second and 400 at once by default. */
  readonly connections: Rate;
  /** Logins of an address that fail; 2 a second and 100 at once by default. */
  readonly failures: Rate;
  /** Until the node has answered; 20,000 by default: the agent waits half as long for a workspace that starts. */
  readonly open: number;
  /** Without a session, after which a connection is ended; 600,000 by default. */
  readonly idle: number;
};

export const defaultGatewayLimits: GatewayLimits = {
  loginGrace: 30_000,
  authTries: 10,
  perAddress: 512,
  strangers: 128,
  perUser: 512,
  perConnection: 64,
  connections: {perSecond: 20, burst: 400},
  failures: {perSecond: 2, burst: 100},
  open: 20_000,
  idle: 600_000,
};
