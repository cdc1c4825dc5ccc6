import type {ImageForm} from '../../api/node-setup/image-form.ts';
import type {SetupTarget} from '../../api/node-setup/node-setup.ts';
import type {FoundImages} from './base-images.ts';
import type {BackendState, ImageState, MachineAgentOptions} from './machine-agent.ts';
import {sendImage} from './machine-agent.ts';
import type {Steps, Verdict} from './steps.ts';

/** How each form is spoken of and made. */
const forms = {
  container: {step: 'Image', title: 'nexus/base', bake: 'hack/build-image'},
  machine: {step: 'MachineImage', title: 'nexus/base for QEMU', bake: 'hack/build-image --machine'},
} as const;

export type SendImagesOptions = {
  readonly steps: Steps;
  readonly target: Pick<SetupTarget, 'name' | 'address'>;
  /** Of the machine, as `uname -m` says it. */
  readonly architecture: string;
  readonly images: FoundImages;
};

/**
 * A step for each form of nexus/base that what is ready there needs, and what is missing of it is sent. One that could not be imported fails the step
 * when nothing else is needed there, and is a warning else: what is ready must not wait for it. Throws StepError.
 */
export async function sendImages(
  machine: MachineAgentOptions,
  {images: needed}: BackendState,
  options: SendImagesOptions,
): Promise<void> {
  for (const state of needed) {
    await options.steps.take(forms[state.form].step, async tell => {
      const image = options.images[state.form];
      const {title} = forms[state.form];
      if (image === undefined || image.architecture !== options.architecture) {
        return withoutImage(state, options);
      }
      if (state.present) {
        return {outcome: 'ok', message: `${title} is there`, value: undefined};
      }
      return await sendImage(machine, {image, state, title, mayFail: needed.length > 1}, tell);
    });
  }
}

/** Only the images that fit the machine. */
export function fittingImages(images: FoundImages, architecture: string): FoundImages {
  const fitting = (form: ImageForm) =>
    images[form]?.architecture === architecture ? images[form] : undefined;
  return {container: fitting('container'), machine: fitting('machine')};
}

/** Pure. */
function withoutImage(
  {form, providers, present}: ImageState,
  {images, architecture, target: {name, address}}: SendImagesOptions,
): Verdict<undefined> {
  const {title, bake} = forms[form];
  const image = images[form];
  if (present) {
    return {
      outcome: 'ok',
      message: `${title} is there; the server has none for it to compare`,
      value: undefined,
    };
  }
  const lack = `so ${providers.join(' and ')} can run nothing there yet`;
  if (image === undefined) {
    return {
      outcome: 'warning',
      message: `the server has no image ${title} to send, ${lack}`,
      cure: [`Bake it on the server's machine: ${bake}`, `and send it: nexus node add ${name} ${address}`],
      value: undefined,
    };
  }
  return {
    outcome: 'warning',
    message: `the server's image ${title} is for ${image.architecture}, the machine is ${architecture}, ${lack}`,
    cure: [
      `Bake it on a machine of that kind with ${bake}, and import it there: nexus agent setup --image FILE`,
    ],
    value: undefined,
  };
}
