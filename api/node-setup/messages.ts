import {z} from 'zod';
import {labels} from '../v1alpha1/metadata.ts';
import {nodeSpec} from '../v1alpha1/node.ts';

/** In the order in which they are taken. */
export const setupStep = z.enum([
  'Name',
  'Reach',
  'HostKey',
  'Login',
  'Shell',
  'Disk',
  'Clock',
  'Provider',
  'Agent',
  'Backend',
  'Image',
  'MachineImage',
  'Ready',
  'Program',
  'Key',
]);

/** Why a step failed, for programs. */
export const setupFailure = z.enum([
  'NameUnknown',
  'Unreachable',
  'HostKeyUnknown',
  'HostKeyChanged',
  'LoginRefused',
  'ShellUnusable',
  'DiskFull',
  'ClockOff',
  'NoProvider',
  'AgentFailed',
  'BackendFailed',
  'ImageFailed',
  'NotReady',
  'ConnectionLost',
  'Refused',
]);

const finished = z.strictObject({
  type: z.literal('finished'),
  step: setupStep,
  outcome: z
    .enum(['ok', 'changed', 'warning', 'failed'])
    .describe('ok: it was so already. changed: it is so now. warning: it goes on all the same.'),
  code: setupFailure.optional().describe('With `failed`.'),
  message: z.string().describe('What was found or done.'),
  cure: z.array(z.string()).optional().describe('What to do, a line each.'),
  milliseconds: z.int(),
  host_key: z.string().optional().describe('The public host key that was shown.'),
  public_key: z.string().optional().describe('What authorized_keys must hold to let the server in.'),
});

/** One line of the stream that tells how the setup or the test of a node comes along. */
export const setupEvent = z.discriminatedUnion('type', [
  z.strictObject({type: z.literal('started'), step: setupStep}),
  z.strictObject({
    type: z.literal('progress'),
    step: setupStep,
    message: z.string(),
    done: z.int().optional().describe('Bytes.'),
    total: z.int().optional().describe('Bytes.'),
  }),
  finished,
  z.strictObject({
    type: z.literal('ended'),
    ok: z.boolean(),
    milliseconds: z.int(),
  }),
  z
    .strictObject({
      type: z.literal('error'),
      code: z.string(),
      message: z.string(),
      hint: z.string().optional(),
    })
    .describe('It could not go on, by no fault of the machine. Nothing follows.'),
]);

export const setupNodeRequest = z.strictObject({
  address: nodeSpec.shape.address.unwrap().optional().describe('Of the node that is there by default.'),
  user: nodeSpec.shape.user.unwrap().optional().describe('As before, else root.'),
  port: nodeSpec.shape.port.unwrap().optional().describe('As before, else 22.'),
  labels: labels.optional().describe('Added to those that it has.'),
  identity_file: z.string().min(1).optional().describe("Private key on the server's disk."),
  host_key: nodeSpec.shape.hostKey.describe('The key to pin: somebody has compared it.'),
  replace_host_key: z
    .boolean()
    .default(false)
    .describe('Whether host_key may take the place of another one that is pinned.'),
  password: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe("Opens the account once, to put the server's key there; kept nowhere."),
});

export const purgeNodeRequest = z.strictObject({
  force: z.boolean().default(false).describe('Also destroys what is kept there of deleted workspaces.'),
});

export type SetupStep = z.infer<typeof setupStep>;
export type SetupFailure = z.infer<typeof setupFailure>;
export type SetupEvent = z.infer<typeof setupEvent>;
export type StepFinished = z.infer<typeof finished>;
export type SetupNodeRequest = z.input<typeof setupNodeRequest>;
