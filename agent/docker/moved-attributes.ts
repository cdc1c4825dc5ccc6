import {z} from 'zod';
import type {CreateOptions, ImportOptions} from '../driver.ts';
import {DriverError} from '../driver.ts';
import type {Origin} from './container-request.ts';
import {labels} from './labels.ts';
import type {Container} from './observe.ts';
import {toDriverInstance} from './observe.ts';

const size = z.coerce.number().int().nonnegative();

/** What a container is beside its files. */
const schema = z.object({
  hostname: z.string(),
  specHash: z.string(),
  hostKey: z.string(),
  publicHostKey: z.string(),
  authorizedKeys: z.string(),
  /** As JSON. */
  env: z.string(),
  cpus: size,
  memory: size,
  disk: size,
  /** Missing from one that has yet to be made ready. */
  image: z.string().optional(),
});

const environment = z.array(z.string().regex(/^[^=\0]+=[^\0]*$/));

export function attributesOf(container: Container): Record<string, string> {
  const {labels: all, marks, raw} = container;
  const {limits, needsProvisioning} = toDriverInstance(container);
  return {
    hostname: all[labels.hostname] ?? '',
    specHash: all[labels.specHash] ?? '',
    hostKey: all[labels.hostKey] ?? '',
    publicHostKey: all[labels.publicHostKey] ?? '',
    authorizedKeys: marks?.authorizedKeys ?? all[labels.authorizedKeys] ?? '',
    env: JSON.stringify(raw.Config.Env ?? []),
    cpus: String(limits.cpus),
    memory: String(limits.memory),
    disk: String(limits.disk),
    ...(needsProvisioning ? {} : {image: all[labels.image] ?? 'provisioned'}),
  };
}

/** The request that makes its like here. Throws DriverError where something is not as {@link attributesOf} has it. */
export function requestOf({uid, mark, attributes, limits}: ImportOptions): {
  readonly request: CreateOptions;
  readonly origin: Origin;
} {
  try {
    const {hostname, specHash, hostKey, publicHostKey, authorizedKeys, env, image, ...own} =
      schema.parse(attributes);
    const variables = environment.parse(JSON.parse(env)).map(each => {
      const end = each.indexOf('=');
      return [each.slice(0, end), each.slice(end + 1)] as const;
    });
    return {
      request: {
        spec: {
          uid,
          name: hostname,
          provider: 'docker',
          image: image ?? '',
          limits: limits ?? own,
          env: Object.fromEntries(variables),
          authorizedKeys: authorizedKeys.split('\n').filter(Boolean),
          specHash,
        },
        hostKey: {privateKey: hostKey, publicKey: publicHostKey},
      },
      origin: {mark, ...(image === undefined ? {} : {image})},
    };
  } catch (error) {
    throw new DriverError('Internal', 'what arrived is no container of Nexus', {cause: error});
  }
}
