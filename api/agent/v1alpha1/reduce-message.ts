import {z} from 'zod';
import type {Feature, Features} from './features.ts';
import {features as allFeatures, featureOfField, featureOfValue} from './features.ts';

/** A message as a peer with some features understands it. */
export type Reduced = {
  readonly message: unknown;
  /** What was left out for the lack of these. */
  readonly missing: readonly Feature[];
};

/** Leaves out what a peer that has only `features` would refuse the whole message for. The message must match its schema. */
export function reduceMessage(schema: z.core.$ZodType, message: unknown, features: Features): Reduced {
  if (features.size === allFeatures.length) {
    return {message, missing: []};
  }
  const missing: Feature[] = [];
  const reduced = reduce(schema, message, {features, missing});
  return {message: reduced === unsayable ? undefined : reduced, missing};
}

type Work = {readonly features: Features; readonly missing: Feature[]};

/** Stands for a value that can not be told to the peer. */
const unsayable = Symbol('unsayable');

function reduce(schema: z.core.$ZodType, value: unknown, work: Work): unknown {
  if (schema instanceof z.ZodOptional) {
    return reduce(schema.unwrap(), value, work);
  }
  if (schema instanceof z.ZodObject && isRecord(value)) {
    return reduceObject(schema.shape, value, work);
  }
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.map(item => reduce(schema.element, item, work)).filter(item => item !== unsayable);
  }
  if (schema instanceof z.ZodUnion) {
    const option = schema.options.find(each => z.safeParse(each, value).success);
    return option === undefined ? value : reduce(option, value, work);
  }
  const feature = featureOfValue(schema, value);
  if (feature !== undefined && !work.features.has(feature)) {
    work.missing.push(feature);
    return unsayable;
  }
  return value;
}

function reduceObject(
  shape: Readonly<Record<string, z.core.$ZodType>>,
  value: Readonly<Record<string, unknown>>,
  work: Work,
): unknown {
  const reduced: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const schema = shape[name];
    if (schema === undefined || field === undefined) {
      continue;
    }
    const feature = featureOfField(schema);
    if (feature !== undefined && !work.features.has(feature)) {
      work.missing.push(feature);
      continue;
    }
    const inner = reduce(schema, field, work);
    if (inner !== unsayable) {
      reduced[name] = inner;
    } else if (!(schema instanceof z.ZodOptional)) {
      return unsayable;
    }
  }
  return reduced;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
