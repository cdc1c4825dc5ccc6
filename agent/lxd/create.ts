import type {CreateOptions, Driver} from '../driver.ts';
import {DriverError, isDriverError} from '../driver.ts';
import {canonicalName} from '../instance-name.ts';
import type {Bridge} from './bridge.ts';
import type {Client} from './client.ts';
import {isHalfMade, remake} from './half-made.ts';
import type {Images} from './images.ts';
import {instanceRequest, marks} from './instance-config.ts';
import type {Instances, Survey} from './instances.ts';
import type {Names} from './names.ts';
import {toDriverInstance} from './observe.ts';
import type {Operations} from './operation.ts';

export type CreateDependencies = {
  readonly client: Client;
  readonly operations: Operations;
  readonly instances: Instances;
  readonly images: Images;
  readonly bridge: Bridge;
  readonly names: Names;
  readonly installation: string;
};

/** How often it looks again after it came upon somebody else's instance or address. */
const attempts = 5;

export function createCreate(dependencies: CreateDependencies): Driver['create'] {
  const {client, operations, instances, images, bridge, names, installation} = dependencies;

  async function attempt(request: CreateOptions, signal: AbortSignal | undefined) {
    const {uid, image} = request.spec;
    const {addresses, subnet, backend} = await bridge.read();
    const source = await images.source(image);
    let survey: Survey | undefined;
    using reservation = await addresses.reserve(uid, async () => {
      survey = await instances.survey(names.bridge, signal);
      return survey.addresses;
    });

    const present = survey?.owned.find(({config}) => config[marks.uid] === uid);
    if (present !== undefined) {
      // A creation that was cut off goes on in the backend, and may yet fail.
      await operations.settle(present.name, signal);
      const settled = (await instances.find(uid, signal))?.raw;
      if (settled === undefined || !isHalfMade(settled)) return settled;

      await remake(settled, {client, operations, project: names.project}, signal);
      return (await instances.need(uid, signal)).raw;
    }
    if (reservation === undefined) throw new DriverError('NoSpace', `no address is free on ${names.bridge}`);

    const {address} = reservation;
    const body = instanceRequest(request, {names, installation, backend, subnet, address, source});
    const answer = await client.call('POST', '/1.0/instances', {
      query: {project: names.project},
      body,
      signal,
    });
    await operations.finish(answer, signal);
    return (await instances.need(uid, signal)).raw;
  }

  return async (request, signal) => {
    for (let count = 1; ; count++) {
      try {
        const made = await attempt(request, signal);
        if (made !== undefined) return toDriverInstance(made);
      } catch (error) {
        if (isDriverError(error, 'ImageNotFound')) {
          // The backend does not say which.
          const message = `the node has no image ${request.spec.image}, and can't get one of that name`;
          throw new DriverError('ImageNotFound', message, {cause: error});
        }
        if (signal?.aborted || count === attempts || !isDriverError(error, 'NotPermittedNow')) throw error;
        await operations.settle(canonicalName(request.spec.uid), signal);
      }
    }
  };
}
