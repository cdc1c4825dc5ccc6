import {z} from 'zod';
import type {FieldFault} from '../../resource-schema/field-fault.ts';
import {parseFieldSelector, parseLabelSelector} from '../../storage/selector.ts';
import type {ListOptions} from '../../storage/storage.ts';
import {isStorageError} from '../../storage/storage-error.ts';
import {selectableFields} from '../../v1alpha1/selectable-fields.ts';
import {count, flag} from '../query.ts';
import {queryObject} from '../route.ts';
import type {KubeResource} from './kube-resource.ts';
import {onlyNamespace} from './kube-resource.ts';
import {badRequest, invalidOptions, notSupported} from './status-error.ts';

const parameters = z.object({
  labelSelector: z.string().default(''),
  fieldSelector: z.string().default(''),
  limit: z
    .string()
    .regex(/^-?[0-9]{1,9}$/, 'must be a whole number')
    .transform(text => Math.max(0, Number(text)))
    .optional(),
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
  checkVersionMatch(parsed.data);
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

const matches = ['Exact', 'NotOlderThan'];

function checkVersionMatch({
  watch,
  resourceVersion,
  resourceVersionMatch: match,
  sendInitialEvents,
}: z.infer<typeof parameters>): void {
  const field = 'resourceVersionMatch';
  const forbid = (detail: string): FieldFault[] => [{type: 'FieldValueForbidden', field, detail}];
  const faults =
    sendInitialEvents !== undefined && match !== 'NotOlderThan'
      ? forbid('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
      : match !== '' && !matches.includes(match)
        ? [notSupported(field, match, [...matches, ''])]
        : match !== '' && resourceVersion === '' && !watch
          ? forbid('resourceVersionMatch is forbidden unless resourceVersion is provided')
          : [];
  if (faults.length > 0) {
    throw invalidOptions('ListOptions.meta.k8s.io', {group: 'meta.k8s.io', kind: 'ListOptions', faults});
  }

  if (!/^[0-9]*$/.test(resourceVersion)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(resourceVersion)}: it is no whole number`,
    );
  }
}

function checkFields(fields: readonly string[], {kind}: KubeResource): void {
  const unknown = fields.find(field => field !== 'metadata.name' && !selectableFields[kind].includes(field));
  if (unknown !== undefined) {
    throw badRequest(`field label not supported: ${unknown}`);
  }
}
