import {z} from 'zod';
import type {FieldFault} from '../../resource-schema/field-fault.ts';
import {queryObject} from '../route.ts';
import {badRequest, invalidOptions, notSupported} from './status-error.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** What a request to change something says besides the object. */
export type WriteRequest = {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** Who writes: `fieldManager`, or the program by its User-Agent. */
  readonly manager: string;
  readonly hasManager: boolean;
  /** Undefined when it was not said. */
  readonly force: boolean | undefined;
};

const parameters = z.object({
  dryRun: z.union([z.string(), z.array(z.string())]).default([]),
  fieldManager: z.string().default(''),
  fieldValidation: z.string().default(''),
  force: z.string().optional(),
});

const validations = ['Ignore', 'Strict', 'Warn'] as const;

/** `what` is how Kubernetes calls the options: `CreateOptions`. Throws StatusError. */
export function writeRequest(
  search: URLSearchParams,
  {
    what,
    userAgent,
  }: {
    what: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions';
    userAgent: string | undefined;
  },
): WriteRequest {
  const parsed = parameters.safeParse(queryObject(search));
  if (!parsed.success) {
    throw badRequest('each parameter may be given once only');
  }

  const {fieldManager, fieldValidation, force} = parsed.data;
  const dryRun = [parsed.data.dryRun].flat().filter(text => text !== '');
  const faults: FieldFault[] = [
    ...(dryRun.length === 0 || (dryRun.length === 1 && dryRun[0] === 'All')
      ? []
      : [notSupported('dryRun', dryRun, ['All'])]),
    ...managerFaults(fieldManager),
    ...(fieldValidation === '' || validations.some(name => name === fieldValidation)
      ? []
      : [notSupported('fieldValidation', fieldValidation, ['', ...validations])]),
  ];
  if (faults.length > 0) {
    throw invalidOptions(`${what}.meta.k8s.io`, {faults, group: 'meta.k8s.io', kind: what});
  }

  return {
    dryRun: dryRun.length > 0,
    fieldValidation: validations.find(name => name === fieldValidation) ?? 'Warn',
    manager: fieldManager === '' ? programOf(userAgent) : fieldManager,
    hasManager: fieldManager !== '',
    force: force === undefined ? undefined : force !== 'false' && force !== '0',
  };
}

function managerFaults(manager: string): FieldFault[] {
  const field = 'fieldManager';
  return [
    ...(manager.length > 128
      ? [{type: 'FieldValueTooLong' as const, field, detail: 'may not be more than 128 bytes'}]
      : []),
    ...(/^[^\p{C}\p{Z}]*(?: [^\p{C}\p{Z}]*)*$/u.test(manager)
      ? []
      : [
          {
            type: 'FieldValueInvalid' as const,
            field,
            value: manager,
            detail: 'should only contain printable characters',
          },
        ]),
  ];
}

/** `kubectl` of `kubectl/v1.32.4 (linux/amd64)`. */
function programOf(userAgent = ''): string {
  return (
    userAgent
      .split('/', 1)[0]
      ?.replaceAll(/[^\x20-\x7E]/g, '')
      .slice(0, 128) ?? ''
  );
}
