import type {ValueSchema} from './value-schema.ts';
import {fieldSchema, isMapping, itemStep, shapeOf} from './value-schema.ts';

/** `live` with all that `config` says; items of keyed lists are merged by their keys, and keep the order that they have in either. */
export function mergeValues(live: unknown, config: unknown, schema: ValueSchema | undefined): unknown {
  if (config === undefined) {
    return live;
  }

  const shape = shapeOf(schema, config ?? live);
  if (shape === 'map' && isMapping(live) && Object.keys(live).length > 0) {
    return isMapping(config) ? mergeMappings(live, config, schema) : live;
  }

  if (shape === 'list' && Array.isArray(live) && live.length > 0) {
    return Array.isArray(config) ? mergeLists(live, config, schema) : live;
  }

  return config;
}

function mergeMappings(
  live: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
  schema: ValueSchema | undefined,
): Record<string, unknown> {
  const names = new Set([...Object.keys(live), ...Object.keys(config)]);
  const own = (mapping: Readonly<Record<string, unknown>>, name: string) =>
    Object.hasOwn(mapping, name) ? mapping[name] : undefined;
  return Object.fromEntries(
    [...names].map(name => [
      name,
      mergeValues(own(live, name), own(config, name), fieldSchema(schema, name)),
    ]),
  );
}

/** What only `live` has stays where it is between what both have, which comes in the order of `config`. */
function mergeLists(
  live: readonly unknown[],
  config: readonly unknown[],
  schema: ValueSchema | undefined,
): unknown[] {
  const left = live.map(item => ({step: itemStep(schema, item), item}));
  const right = config.map(item => ({step: itemStep(schema, item), item}));
  const ofLeft = new Map(left.map(({step, item}) => [step, item]));
  const ofRight = new Map(right.map(({step, item}) => [step, item]));
  const shared = right.map(({step}) => step).filter(step => ofLeft.has(step));
  const merged = new Set<string>();
  const result: unknown[] = [];
  const take = (step: string) => {
    merged.add(step);
    result.push(mergeValues(ofLeft.get(step), ofRight.get(step), schema?.items));
    if (shared[0] === step) {
      shared.shift();
    }
  };

  for (let l = 0, r = 0; l < left.length || r < right.length; ) {
    const [mine, other] = [left[l], right[r]];
    if (mine !== undefined && other !== undefined) {
      if (mine.step === other.step) {
        take(mine.step);
        l += 1;
        r += 1;
        continue;
      }

      if (ofRight.has(mine.step) && shared[0] !== undefined && shared[0] !== mine.step) {
        l += 1;
        continue;
      }
    }

    if (mine !== undefined) {
      if (!ofRight.has(mine.step)) {
        result.push(mine.item);
        l += 1;
        continue;
      }

      if (merged.has(mine.step)) {
        l += 1;
      }
    }

    if (other !== undefined) {
      take(other.step);
      r += 1;
    }
  }

  return result;
}
