import {isMapping} from '../managed-fields/value-schema.ts';
import type {RuleHolds} from './check-rules.ts';

type Program = (values: Record<string, CelValue>) => unknown;

type CelValue = string | number | boolean | null | CelValue[] | Map<string, CelValue>;

/** The language of the rules in custom resource definitions. Loaded when it is first needed: that takes a sixth of a second. */
export async function loadCelRules(): Promise<RuleHolds> {
  const [{celEnv, parse, plan}, {strings}] = await Promise.all([
    import('@bufbuild/cel'),
    import('@bufbuild/cel/ext'),
  ]);
  const environment = celEnv({funcs: strings});
  const programs = new Map<string, Program>();
  return (rule, self, oldSelf) => {
    const program = programs.get(rule) ?? plan(environment, parse(rule));
    programs.set(rule, program);
    const outcome = program({self: celValue(self), oldSelf: celValue(oldSelf)});
    if (typeof outcome !== 'boolean') {
      throw new Error(`The rule ${rule} does not say whether it holds`, {cause: outcome});
    }

    return outcome;
  };
}

/** JSON as CEL takes it. */
function celValue(value: unknown): CelValue {
  if (Array.isArray(value)) {
    return value.map(celValue);
  }

  if (isMapping(value)) {
    return new Map(Object.entries(value).map(([name, part]) => [name, celValue(part)]));
  }

  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
