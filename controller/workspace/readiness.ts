import {timestampAt} from '../../api/effects/clock.ts';
import type {Condition} from '../../api/v1alpha1/condition.ts';
import {findCondition, setCondition} from '../../api/v1alpha1/condition.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import type {ConditionType, Finding} from './conditions.ts';
import {failed, no, silence, statement, yes} from './conditions.ts';
import {findRepositoryCloned, findServicesHealthy, findSetupSucceeded} from './content-findings.ts';
import type {Evidence} from './findings.ts';
import {
  findInPlace,
  findMoving,
  findPortsAllocated,
  findProvisioned,
  findScheduled,
  findSshReady,
  findUpToDate,
} from './findings.ts';
import type {Wait} from './situation.ts';

/** All conditions on this evidence, dated; those of which nothing is known now are as they were. */
export function conditionsOf(
  {metadata}: Stored<'Workspace'>,
  evidence: Evidence,
  {now, wait}: {readonly now: number; readonly wait: Wait | undefined},
): Condition[] {
  const findings: readonly (readonly [ConditionType, Finding])[] = [
    ['Scheduled', findScheduled(evidence)],
    ['PortsAllocated', findPortsAllocated(evidence)],
    ['Provisioned', findProvisioned(evidence)],
    ['SshReady', findSshReady(evidence)],
    ['RepositoryCloned', findRepositoryCloned(evidence)],
    ['SetupSucceeded', findSetupSucceeded(evidence)],
    ['ServicesHealthy', findServicesHealthy(evidence)],
    ['UpToDate', findUpToDate(evidence)],
    ['InPlace', findInPlace(evidence)],
  ];
  let conditions: readonly Condition[] = evidence.status.conditions ?? [];
  const state = (type: ConditionType, finding: NonNullable<Finding>) => {
    conditions = setCondition(conditions, statement(type, finding, metadata.generation), timestampAt(now));
  };

  for (const [type, finding] of findings) {
    if (finding !== undefined) {
      state(type, finding);
    }
  }

  state('Ready', findReady(evidence, conditions, wait));
  return [...conditions];
}

const requirements: readonly ConditionType[] = [
  'Scheduled',
  'PortsAllocated',
  'Provisioned',
  'SshReady',
  'RepositoryCloned',
  'SetupSucceeded',
  'ServicesHealthy',
];

function findReady(
  evidence: Evidence,
  conditions: readonly Condition[],
  wait: Wait | undefined,
): NonNullable<Finding> {
  const {desired, sight, status, book} = evidence;
  if (desired.deletion !== 'no') {
    const unreachable =
      sight.kind === 'Unknown'
        ? `${silence(sight, status.observedAt).message} To let go of what is left there: nexus delete --force`
        : undefined;
    const message = unreachable ?? failed(book, 'Delete', 'Stop')?.message ?? wait?.message;
    return no('Deleting', message ?? 'It is being deleted.');
  }

  if (sight.kind === 'Unknown') {
    return silence(sight, status.observedAt);
  }

  if (!desired.running) {
    return no('Stopped', `It is stopped; start it with: nexus workspace start ${desired.name}`);
  }

  const moving = findMoving(evidence);
  if (moving !== undefined) {
    return moving;
  }

  for (const type of requirements) {
    const condition = findCondition(conditions, type);
    if (condition?.status !== 'True') {
      return no(condition?.reason ?? 'Waiting', condition?.message ?? `${type} is not known yet.`);
    }
  }

  return yes('Ready', 'sshd answers, and all that was declared is done and healthy.');
}
