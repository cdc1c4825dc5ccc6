import {z} from 'zod';

/**
 * What was added to the protocol since its first release. Each side says what it knows before anything else (`features/negotiate`), and gets nothing
 * that it does not know: first releases, which do not know that request either, refuse messages with a field too many.
 */
export const features = [
  /** `package` in the facts of a node. */
  'package',
  /** Capacity and what is free of each provider in the facts of a node. */
  'backends',
  /** Instances leave their node and come to another. */
  'moves',
  /** `limitsPending` of instances. */
  'pendingLimits',
  /** Bytes of streams as they are, not in JSON: binary-data.ts. */
  'binaryStreams',
  /** Whoever asks for a copy says within what limits. */
  'importLimits',
  /** Services are restarted for readers, too. */
  'readersRestart',
] as const;

export type Feature = (typeof features)[number];
export type Features = ReadonlySet<Feature>;

export const noFeatures: Features = new Set();

/** Of a peer's list, those that are known here. */
export function knownFeatures(names: readonly string[]): Features {
  return new Set(features.filter(feature => names.includes(feature)));
}

const addedFields = z.registry<{readonly feature: Feature}>();
const addedValues = z.registry<{readonly values: Readonly<Record<string, Feature>>}>();

/** An optional field that came with a feature: peers without it are not sent it. */
export function since<S extends z.ZodOptional>(feature: Feature, schema: S): S {
  addedFields.add(schema, {feature});
  return schema;
}

/** Values of an enumeration that came with features: for peers without them, what holds one is left out, as far up as something is optional. */
export function valuesSince<S extends z.ZodEnum>(values: Readonly<Record<string, Feature>>, schema: S): S {
  addedValues.add(schema, {values});
  return schema;
}

export function featureOfField(schema: z.core.$ZodType): Feature | undefined {
  return addedFields.get(schema)?.feature;
}

export function featureOfValue(schema: z.core.$ZodType, value: unknown): Feature | undefined {
  return typeof value === 'string' ? addedValues.get(schema)?.values[value] : undefined;
}
