import type {FieldFault} from '../../resource-schema/field-fault.ts';
import {faultText} from '../../resource-schema/field-fault.ts';
import type {KubernetesStatus} from '../kubernetes-status.ts';

type Details = NonNullable<KubernetesStatus['details']>;

/** Of what a refusal is. */
export type Subject = {readonly plural: string; readonly kind: string; readonly name: string};

const group = 'nexus.dev';

/** Faults that a refusal tells of, so that it is not larger than what it refuses. */
export const maximumFaults = 100;

/** In the place of those that it does not. */
export function andMore(count: number): string {
  return `… and ${count} more`;
}

/** A refusal in the words and the form of Kubernetes; `status` is the whole answer. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: KubernetesStatus;
  /** What the client should be told of what it sent, besides. */
  readonly warnings: readonly string[];

  /** Kubernetes gives no reason for some of its faults. */
  constructor(
    code: number,
    reason: string | undefined,
    options: {message: string; details?: Details; cause?: unknown; warnings?: readonly string[]},
  ) {
    super(options.message, options.cause === undefined ? undefined : {cause: options.cause});
    this.warnings = options.warnings ?? [];
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: options.message,
      ...(reason === undefined ? {} : {reason}),
      ...(options.details === undefined ? {} : {details: options.details}),
      code,
    };
  }
}

/** What `work` refuses, with these warnings besides. */
export async function warned<T>(warnings: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StatusError) || warnings.length === 0) {
      throw error;
    }

    const {code = 500, reason, message = '', details} = error.status;
    throw new StatusError(code, reason, {
      message,
      cause: error,
      warnings,
      ...(details === undefined ? {} : {details}),
    });
  }
}

export function notFound(subject: Subject): StatusError {
  return new StatusError(404, 'NotFound', {
    message: `${resourceOf(subject)} "${subject.name}" not found`,
    details: detailsOf(subject),
  });
}

/** `isLeaving`: its deletion goes on, so that it is worth trying again. */
export function alreadyExists(subject: Subject, isLeaving = false): StatusError {
  return new StatusError(409, 'AlreadyExists', {
    message: `${isLeaving ? 'object is being deleted: ' : ''}${resourceOf(subject)} "${subject.name}" already exists`,
    details: detailsOf(subject),
  });
}

export const staleText =
  'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(subject: Subject, why: string): StatusError {
  return new StatusError(409, 'Conflict', {
    message: `Operation cannot be fulfilled on ${resourceOf(subject)} "${subject.name}": ${why}`,
    details: detailsOf(subject),
  });
}

export function forbidden(subject: Subject, why: string): StatusError {
  return new StatusError(403, 'Forbidden', {
    message: `${resourceOf(subject)} "${subject.name}" is forbidden: ${why}`,
    details: detailsOf(subject),
  });
}

export function badRequest(message: string, cause?: unknown): StatusError {
  return new StatusError(400, 'BadRequest', {message, cause});
}

/** Names the kind, as Kubernetes does: `Workspace.nexus.dev "web" is invalid`. */
export function invalid(subject: Subject, faults: readonly FieldFault[]): StatusError {
  return invalidOptions(`${subject.kind}.${group}`, {name: subject.name, faults, group, kind: subject.kind});
}

/** What is wrong with the options of a request, which Kubernetes takes for an object. */
export function invalidOptions(
  what: string,
  {
    name = '',
    faults,
    ...details
  }: {faults: readonly FieldFault[]; name?: string; group?: string; kind?: string},
): StatusError {
  const shown = faults.slice(0, maximumFaults);
  const texts = [...new Set(shown.map(fault => `${fault.field}: ${faultText(fault)}`))];
  if (faults.length > maximumFaults) {
    texts.push(andMore(faults.length - maximumFaults));
  }

  const all = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new StatusError(422, 'Invalid', {
    message: `${what} "${name}" is invalid: ${all}`,
    details: {
      ...(name === '' ? {} : {name}),
      ...details,
      causes: shown.map(fault => ({
        reason: fault.type,
        message: faultText(fault),
        field: fault.field,
      })),
    },
  });
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldFault {
  const names = supported.map(text => JSON.stringify(text)).join(', ');
  return {type: 'FieldValueNotSupported', field, value, detail: `supported values: ${names}`};
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return new StatusError(415, 'UnsupportedMediaType', {
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  });
}

/** Of what can't be served in any of the forms that were asked for. */
export function notAcceptable(served: readonly string[]): StatusError {
  return new StatusError(406, 'NotAcceptable', {
    message: `only the following media types are accepted: ${served.join(', ')}`,
  });
}

export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', {message});
}

function resourceOf({plural}: Subject): string {
  return `${plural}.${group}`;
}

function detailsOf({plural, name}: Subject): Details {
  return {name, group, kind: plural};
}
