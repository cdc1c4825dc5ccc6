/** As Kubernetes names what can be wrong with a field. */
export type FaultType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueTypeInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueDuplicate'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany';

/** One thing that is wrong with an object. */
export type FieldFault = {
  readonly type: FaultType;
  readonly field: string;
  /** What is there; undefined where that says nothing. */
  readonly value?: unknown;
  readonly detail: string;
};

const words: Readonly<Record<FaultType, string>> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
};

/** What is wrong, without where. */
export function faultText({type, value, detail}: FieldFault): string {
  const shown =
    showsValue(type) && value !== undefined ? `${words[type]}: ${JSON.stringify(value)}` : words[type];
  return detail === '' ? shown : `${shown}: ${detail}`;
}

function showsValue(type: FaultType): boolean {
  return type !== 'FieldValueRequired' && type !== 'FieldValueForbidden' && type !== 'FieldValueTooLong';
}
