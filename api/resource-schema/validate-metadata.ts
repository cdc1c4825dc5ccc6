import {isMapping} from '../managed-fields/value-schema.ts';
import type {FieldFault} from './field-fault.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const namePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const namePartText =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const labelValueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** Bytes of all annotations together, as in Kubernetes. */
const annotationLimit = 262_144;

/** What Kubernetes itself demands of `metadata`. */
export function validateMetadata(metadata: Readonly<Record<string, unknown>>): FieldFault[] {
  const {name, labels, annotations, finalizers} = metadata;
  return [
    ...nameFaults(name),
    ...entriesOf(labels).flatMap(([key, value]) => [
      ...keyFaults(key, 'metadata.labels'),
      ...valueFaults(value),
    ]),
    ...annotationFaults(entriesOf(annotations)),
    ...(Array.isArray(finalizers) ? finalizers : []).flatMap(finalizer =>
      keyFaults(String(finalizer), 'metadata.finalizers'),
    ),
  ];
}

function nameFaults(name: unknown): FieldFault[] {
  if (typeof name !== 'string' || name === '') {
    return [{type: 'FieldValueRequired', field: 'metadata.name', detail: 'name or generateName is required'}];
  }

  const invalid = (detail: string): FieldFault => ({
    type: 'FieldValueInvalid',
    field: 'metadata.name',
    value: name,
    detail,
  });
  return [
    ...(name.length > 253 ? [invalid('must be no more than 253 characters')] : []),
    ...(subdomain.test(name) ? [] : [invalid(subdomainText)]),
  ];
}

/** `name` or `prefix/name`. */
function keyFaults(key: string, field: string): FieldFault[] {
  const invalid = (detail: string): FieldFault => ({type: 'FieldValueInvalid', field, value: key, detail});
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (parts.length > 2) {
    return [
      invalid(
        "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
      ),
    ];
  }

  return [
    ...(prefix === '' ? [invalid('prefix part must be non-empty')] : []),
    ...(prefix !== undefined && prefix !== '' && !subdomain.test(prefix)
      ? [invalid(`prefix part ${subdomainText}`)]
      : []),
    ...(name === '' ? [invalid('name part must be non-empty')] : []),
    ...(name.length > 63 ? [invalid('name part must be no more than 63 bytes')] : []),
    ...(namePart.test(name) ? [] : [invalid(namePartText)]),
  ];
}

function valueFaults(value: unknown): FieldFault[] {
  const invalid = (detail: string): FieldFault => ({
    type: 'FieldValueInvalid',
    field: 'metadata.labels',
    value,
    detail,
  });
  const text = String(value);
  return [
    ...(text.length > 63 ? [invalid('must be no more than 63 bytes')] : []),
    ...(labelValue.test(text) ? [] : [invalid(labelValueText)]),
  ];
}

function annotationFaults(annotations: readonly (readonly [string, unknown])[]): FieldFault[] {
  const size = annotations.reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
  return [
    ...annotations.flatMap(([key]) => keyFaults(key.toLowerCase(), 'metadata.annotations')),
    ...(size > annotationLimit
      ? [
          {
            type: 'FieldValueTooLong' as const,
            field: 'metadata.annotations',
            detail: `may not be more than ${annotationLimit} bytes`,
          },
        ]
      : []),
  ];
}

function entriesOf(mapping: unknown): [string, unknown][] {
  return isMapping(mapping) ? Object.entries(mapping) : [];
}
