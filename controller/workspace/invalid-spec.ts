import {timestampAt} from '../../api/effects/clock.ts';
import {setCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {explainIssue, issuesOf} from '../../api/v1alpha1/validate-issues.ts';
import type {WorkspaceStatus} from '../../api/v1alpha1/workspace.ts';
import {workspaceSpec} from '../../api/v1alpha1/workspace.ts';
import {no, statement} from './conditions.ts';

export type SpecCheck = (workspace: Stored<'Workspace'>) => string | undefined;

/**
 * What is wrong with a workspace's spec, or undefined. Nothing ever is with what came through the REST API; what kubectl wrote was checked by rules
 * that can't say everything. Each spec is looked at once.
 */
export function createSpecCheck(): SpecCheck {
  const known = new WeakMap<object, {readonly problem: string | undefined}>();
  return ({spec}) => {
    const before = known.get(spec);
    if (before !== undefined) {
      return before.problem;
    }

    const parsed = workspaceSpec.safeParse(spec, {error: explainIssue});
    const problem = parsed.success
      ? undefined
      : issuesOf(parsed.error, workspaceSpec)
          .map(({path, message}) => `spec${path === '' ? '' : `.${path}`} ${message}`)
          .join('; ');
    known.set(spec, {problem});
    return problem;
  };
}

/** The status that says so. What there is of the workspace stays as it is until its spec is mended. */
export function invalidStatus(
  {metadata, status = {}}: Stored<'Workspace'>,
  problem: string,
  now: number,
): WorkspaceStatus {
  const {name, generation} = metadata;
  const finding = no(
    'InvalidSpec',
    `Its spec is not valid, and nothing is done until it is: ${problem}. Mend it with: nexus edit workspace ${name}`,
  );
  return {
    ...status,
    phase: 'Error',
    observedGeneration: generation,
    conditions: setCondition(
      status.conditions ?? [],
      statement('Ready', finding, generation),
      timestampAt(now),
    ),
  };
}
