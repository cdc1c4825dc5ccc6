import {createReadStream} from 'node:fs';
import {Transform} from 'node:stream';
import {z} from 'zod';
import type {Clock} from '../../api/effects/clock.ts';
import {createSshRunner} from '../agent-client/ssh-runner.ts';
import type {SshSession} from '../agent-client/ssh-session.ts';
import {complaintOf, hintsOf} from './complaint.ts';
import {sizeText} from './machine-checks.ts';
import type {Tell, Verdict} from './steps.ts';
import {StepError} from './steps.ts';

/** The image nexus/base as a file of this machine. */
export type BaseImage = {
  readonly file: string;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** As `uname -m` says it. */
  readonly architecture: string;
};

export type MachineAgentOptions = {
  readonly session: SshSession;
  /** Starts nexus there; arguments follow. */
  readonly command: readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** Milliseconds. A pool may have to be made and formatted; an image is unpacked on slow disks, too. */
const setupTimeout = 180_000;
const importTimeout = 900_000;

const setupAnswer = z.object({
  /** Those that are ready, with their versions. */
  backends: z.array(z.string()),
  /** Of those that could not be set up, while others were. */
  failures: z.array(z.string()),
  image: z.object({
    present: z.boolean(),
    /** Bytes that an earlier attempt has brought. */
    received: z.number().default(0),
  }),
});

export type BackendState = z.infer<typeof setupAnswer>;

/** Project, pool and bridge there. Safe to repeat. Throws StepError `BackendFailed`. */
export async function setUpBackend(
  {session, command, clock, signal}: MachineAgentOptions,
  {installation, image}: {readonly installation: string; readonly image: BaseImage | undefined},
  tell: Tell,
): Promise<Verdict<BackendState>> {
  const words = [
    ...command,
    ...['agent', 'setup', '--json', '--installation', installation],
    ...(image === undefined ? [] : ['--image-digest', image.digest]),
  ];
  const result = await createSshRunner(session, clock)(words, {
    onErrorLine: line => tell(line),
    silence: setupTimeout,
    signal,
  });
  if (result.code !== 0) {
    throw new StepError('BackendFailed', complaintOf(result), {cure: hintsOf(result)});
  }
  const state = readAnswer(result.stdout);
  const message = `${state.backends.join(', ')}: all that workspaces need is there`;
  return state.failures.length === 0
    ? {outcome: 'ok', message, value: state}
    : {outcome: 'warning', message: `${message}; not ready: ${state.failures.join('; ')}`, value: state};
}

/** The last line of what the agent printed. */
function readAnswer(stdout: string): BackendState {
  const line = stdout.trim().split('\n').at(-1) ?? '';
  try {
    return setupAnswer.parse(JSON.parse(line));
  } catch (cause) {
    throw new StepError(
      'BackendFailed',
      `the agent there gave an answer that is none: ${line.slice(0, 200)}`,
      {
        cause,
      },
    );
  }
}

/** The image goes from here to there over the same connection, and on from where an earlier attempt was cut off. Throws StepError `ImageFailed`. */
export async function sendImage(
  {session, command, clock, signal}: MachineAgentOptions,
  {image, received}: {readonly image: BaseImage; readonly received: number},
  tell: Tell,
): Promise<Verdict<undefined>> {
  const {file, digest, size} = image;
  let sent = received;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sent += chunk.length;
      tell('sending the image nexus/base', {done: sent, total: size});
      done(undefined, chunk);
    },
    flush(done) {
      tell('importing the image nexus/base');
      done();
    },
  });
  const content = createReadStream(file, {start: received});
  content.on('error', error => counted.destroy(error));
  counted.on('close', () => content.destroy());
  const words = [
    ...command,
    ...['agent', 'receive-image', digest, '--size', String(size), '--offset', String(received)],
  ];
  try {
    const result = await createSshRunner(session, clock)(words, {
      input: content.pipe(counted),
      silence: importTimeout,
      signal,
    });
    if (result.code !== 0) {
      throw new StepError('ImageFailed', complaintOf(result), {cure: hintsOf(result)});
    }
  } finally {
    content.destroy();
  }
  const rest = received === 0 ? '' : `, ${sizeText(received)} of it on an earlier attempt`;
  return {
    outcome: 'changed',
    message: `nexus/base is there now (${sizeText(size)} sent${rest})`,
    value: undefined,
  };
}
