import {findCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {CliError} from '../exit-code.ts';
import {asText} from '../output/format.ts';
import {evaluateJsonPath, parseJsonPath} from '../output/json-path.ts';

/** What is waited for. */
export type Goal =
  | {readonly type: 'Condition'; readonly condition: string; readonly status: string}
  | {readonly type: 'Delete'}
  /** Without a value: until there is any. */
  | {readonly type: 'JsonPath'; readonly path: string; readonly value?: string};

/** `condition=Ready`, `condition=Ready=False`, `delete`, `jsonpath={.status.phase}=Running`. Throws CliError. */
export function parseGoal(text: string): Goal {
  if (text === 'delete') {
    return {type: 'Delete'};
  }

  const [, condition, status] = /^condition=([A-Za-z]+)(?:=(.+))?$/.exec(text) ?? [];
  if (condition !== undefined) {
    return {type: 'Condition', condition, status: normalStatus(status ?? 'True')};
  }

  const [, path, value] = /^jsonpath=(\{.*\}|[^{}=]+)(?:=(.*))?$/.exec(text) ?? [];
  if (path !== undefined) {
    parseJsonPath(path);
    return {type: 'JsonPath', path, ...(value === undefined ? {} : {value})};
  }

  throw new CliError('usage', `"${text}" is nothing to wait for`, {
    hint: 'Wait --for=condition=Ready, --for=condition=Ready=False, --for=delete or --for=jsonpath={.status.phase}=Running.',
  });
}

/** Whether `resource` (undefined: it is gone) is as was wanted. A condition counts only if it was judged on the present spec. Pure. */
export function isReached(goal: Goal, resource: Stored | undefined): boolean {
  if (resource === undefined || goal.type === 'Delete') {
    return resource === undefined && goal.type === 'Delete';
  }

  if (goal.type === 'JsonPath') {
    const found = evaluateJsonPath(goal.path, resource);
    return goal.value === undefined ? found.length > 0 : found.some(value => asText(value) === goal.value);
  }

  const status = statusOf(resource);
  const condition = findCondition(status.conditions, goal.condition);
  const judged = condition?.observedGeneration ?? status.observedGeneration ?? resource.metadata.generation;
  return condition?.status === goal.status && judged >= resource.metadata.generation;
}

export function statusOf(resource: Stored): NonNullable<Stored<'Workspace' | 'Node'>['status']> {
  return resource.kind === 'Workspace' || resource.kind === 'Node' ? (resource.status ?? {}) : {};
}

export function describeGoal(goal: Goal): string {
  switch (goal.type) {
    case 'Condition': {
      return goal.status === 'True' ? goal.condition : `${goal.condition} to be ${goal.status}`;
    }

    case 'Delete': {
      return 'deletion';
    }

    case 'JsonPath': {
      return goal.value === undefined ? goal.path : `${goal.path} to be ${goal.value}`;
    }
  }
}

function normalStatus(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1).toLowerCase()}`;
}
