import {z} from 'zod';
import type {FieldNode, FieldSet} from './field-set.ts';
import {sorted} from './field-set.ts';

/** Kubernetes' FieldsV1: a set of paths as JSON. */
export type FieldsV1 = {readonly [step: string]: FieldsV1};

export const fieldsV1: z.ZodType<FieldsV1> = z.lazy(() => z.record(z.string(), fieldsV1));

/** A path that leads further and is itself in the set carries `.`. */
export function encodeFields(set: FieldSet): FieldsV1 {
  return Object.fromEntries(
    sorted(set).map(([step, {member, children}]) => [
      step,
      {...(member && children.size > 0 ? {'.': {}} : {}), ...encodeFields(children)},
    ]),
  );
}

export function decodeFields(fields: FieldsV1): FieldSet {
  return new Map(
    Object.entries(fields)
      .filter(([step]) => step !== '.')
      .map(([step, below]): [string, FieldNode] => [
        step,
        {
          member: Object.hasOwn(below, '.') || Object.keys(below).length === 0,
          children: decodeFields(below),
        },
      ]),
  );
}
