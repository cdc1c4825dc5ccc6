import {createReadStream} from 'node:fs';
import {Transform} from 'node:stream';
import {z} from 'zod';
import type {Clock} from '../../api/effects/clock.ts';
import {imageForm} from '../../api/node-setup/image-form.ts';
import type {SetupFailure} from '../../api/node-setup/messages.ts';
import {provider} from '../../api/v1alpha1/workspace.ts';
import type {RunResult} from '../agent-client/ssh-runner.ts';
import {createSshRunner} from '../agent-client/ssh-runner.ts';
import type {SshSession} from '../agent-client/ssh-session.ts';
import type {BaseImage, FoundImages} from './base-images.ts';
import {complaintOf, hintsOf} from './complaint.ts';
import {sizeText} from './machine-checks.ts';
import type {Tell, Verdict} from './steps.ts';
import {StepError} from './steps.ts';

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

const imageState = z.object({
  form: imageForm,
  /** Those that are ready and made of it. */
  providers: z.array(provider).min(1),
  /** On all of them, and made of the server's file. */
  present: z.boolean(),
  /** Bytes that an earlier attempt has brought. */
  received: z.number().default(0),
});

export type ImageState = z.infer<typeof imageState>;

const setupAnswer = z.object({
  /** Those that are ready, with their versions. */
  backends: z.array(z.string()),
  /** Of those that could not be set up, while others were. */
  failures: z.array(z.string()),
  /** In each form that one of those which are ready needs. */
  images: z.array(imageState),
});

/** Of those that the image could not be imported on, while it was on others. */
const importAnswer = z.object({failures: z.array(z.string())});

export type BackendState = z.infer<typeof setupAnswer>;

/** Project, pool and bridge there. Safe to repeat. Throws StepError `BackendFailed`. */
export async function setUpBackend(
  {session, command, clock, signal}: MachineAgentOptions,
  {installation, images}: {readonly installation: string; readonly images: FoundImages},
  tell: Tell,
): Promise<Verdict<BackendState>> {
  const words = [
    ...command,
    ...['agent', 'setup', '--json', '--installation', installation],
    ...(images.container === undefined ? [] : ['--image-digest', images.container.digest]),
    ...(images.machine === undefined ? [] : ['--machine-image-digest', images.machine.digest]),
  ];
  const result = await createSshRunner(session, clock)(words, {
    onErrorLine: line => tell(line),
    silence: setupTimeout,
    signal,
  });
  if (result.code !== 0) {
    throw new StepError('BackendFailed', complaintOf(result), {cure: hintsOf(result)});
  }
  const state = readAnswer(result.stdout, {schema: setupAnswer, code: 'BackendFailed'});
  const message = `${state.backends.join(', ')}: all that workspaces need is there`;
  return state.failures.length === 0
    ? {outcome: 'ok', message, value: state}
    : {outcome: 'warning', message: `${message}; not ready: ${state.failures.join('; ')}`, value: state};
}

/** The last line of what the agent printed. */
function readAnswer<T>(
  stdout: string,
  {schema, code}: {readonly schema: z.ZodType<T>; readonly code: SetupFailure},
): T {
  const line = stdout.trim().split('\n').at(-1) ?? '';
  try {
    return schema.parse(JSON.parse(line));
  } catch (cause) {
    throw new StepError(code, `the agent there gave an answer that is none: ${line.slice(0, 200)}`, {cause});
  }
}

export type SendImageOptions = {
  readonly image: BaseImage;
  readonly state: ImageState;
  /** For people. */
  readonly title: string;
  /** Whether a failure to import it is but a warning. */
  readonly mayFail: boolean;
};

/** The image goes from here to there over the same connection, and on from where an earlier attempt was cut off. Throws StepError `ImageFailed`. */
export async function sendImage(
  {session, command, clock, signal}: MachineAgentOptions,
  {image, state, title, mayFail}: SendImageOptions,
  tell: Tell,
): Promise<Verdict<undefined>> {
  const {file, digest, size} = image;
  const {form, providers, received} = state;
  let sent = received;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sent += chunk.length;
      tell(`sending the image ${title}`, {done: sent, total: size});
      done(undefined, chunk);
    },
    flush(done) {
      tell(`importing the image ${title}`);
      done();
    },
  });
  const content = createReadStream(file, {start: received});
  content.on('error', error => counted.destroy(error));
  counted.on('close', () => content.destroy());
  const words = [
    ...command,
    ...['agent', 'receive-image', digest, '--size', String(size), '--offset', String(received)],
    ...['--form', form, '--provider', ...providers],
  ];
  let result: RunResult;
  try {
    result = await createSshRunner(session, clock)(words, {
      input: content.pipe(counted),
      silence: importTimeout,
      signal,
    });
  } finally {
    content.destroy();
  }
  if (result.code !== 0) {
    if (!mayFail) {
      throw new StepError('ImageFailed', complaintOf(result), {cure: hintsOf(result)});
    }
    const message = `${title} could not be put on ${providers.join(' and ')}: ${complaintOf(result)}`;
    return {outcome: 'warning', message, cure: hintsOf(result), value: undefined};
  }
  const {failures} = readAnswer(result.stdout, {schema: importAnswer, code: 'ImageFailed'});
  const rest = received === 0 ? '' : `, ${sizeText(received)} of it on an earlier attempt`;
  const message = `${title} is there now (${sizeText(size)} sent${rest})`;
  return failures.length === 0
    ? {outcome: 'changed', message, value: undefined}
    : {outcome: 'warning', message: `${message}, but not on ${failures.join('; ')}`, value: undefined};
}
