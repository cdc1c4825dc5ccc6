import {z} from 'zod';
import {parseFieldSelector, parseLabelSelector} from '../../storage/selector.ts';
import type {ListOptions} from '../../storage/storage.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import {selectableFields} from '../../v1alpha1/selectable-fields.ts';
import {count, flag} from '../query.ts';
import {queryObject} from '../route.ts';
import type {KubeResource} from './kube-resource.ts';
import {onlyNamespace} from './kube-resource.ts';
import {badRequest} from './status-error.ts';

const parameters = z.object({
  labelSelector: z.string().default(''),
  fieldSelector: z.string().default(''),
  limit: count.optional(),
  continue: z.string().default(''),
  resourceVersion: z.string().default(''),
  resourceVersionMatch: z.string().default(''),
  watch: flag.default(false),
  allowWatchBookmarks: flag.default(false),
  sendInitialEvents: flag.optional(),
  timeoutSeconds: count.optional(),
});

export type ListRequest = z.infer<typeof parameters> & {
  readonly selector: Pick<ListOptions, 'labels' | 'fields'>;
  /** It selects another namespace than the only one: there is nothing. */
  readonly elsewhere: boolean;
};

/** Throws StatusError. */
export function listRequest(search: URLSearchParams, resource: KubeResource): ListRequest {
  const parsed = parameters.safeParse(queryObject(search));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badRequest(`the parameter ${issue?.path.join('.')} ${issue?.message}`);
  }

  const {labelSelector, fieldSelector} = parsed.data;
  try {
    const {'metadata.namespace': namespace, ...fields} = parseFieldSelector(fieldSelector);
    checkFields(Object.keys(fields), resource);
    return {
      ...parsed.data,
      selector: {labels: parseLabelSelector(labelSelector), fields},
      elsewhere: namespace !== undefined && namespace !== onlyNamespace,
    };
  } catch (error) {
    throw isStorageError(error, 'Invalid') ? badRequest(error.message, error) : error;
  }
}

function checkFields(fields: readonly string[], {kind}: KubeResource): void {
  const unknown = fields.find(field => field !== 'metadata.name' && !selectableFields[kind].includes(field));
  if (unknown !== undefined) {
    throw badRequest(`field label not supported: ${unknown}`);
  }
}
