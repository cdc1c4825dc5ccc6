import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {Stored} from '../../api/v1alpha1/kinds.ts';
import {formatBytes} from '../../api/v1alpha1/quantity.ts';
import type {Migration, Movement, MoveOptions} from './movement.ts';
import {givenUp, moveRequest} from './movement.ts';
import {withPlace} from './placement.ts';
import {allocatePorts, rangeOf} from './ports.ts';
import {refusalOf} from './schedule.ts';
import {instanceOf} from './sight.ts';

/** Copies of one move that may be cut off before it is given up. */
const attempts = 5;

/** Milliseconds between two looks at how far a copy is. */
const progressInterval = 2000;

/** While the source is the workspace still: whether the move goes on, is given up, or is done but for the write that says so. */
export function decideCopying(
  workspace: Stored<'Workspace'>,
  migration: Migration,
  options: MoveOptions,
): Movement {
  const {status, drain, sight, other, copy, now} = options;
  const {source, target} = migration;
  const fail = (message: string) => givenUp(status, migration, {outcome: 'Failed', message, now});
  const cancel = (message: string) => givenUp(status, migration, {outcome: 'Cancelled', message, now});
  if (drain === undefined || (drain.to !== undefined && drain.to !== target)) {
    return cancel(
      drain === undefined ? `Node ${source} is not being drained any more.` : `It is to go to ${drain.to}.`,
    );
  }

  const candidate = options.candidates().find(({node}) => node.metadata.name === target);
  const refusal =
    candidate === undefined
      ? 'it was removed'
      : candidate.facts === undefined
        ? undefined
        : refusalOf(moveRequest(workspace, options.desired), candidate);
  if (refusal !== undefined) {
    return cancel(`Node ${target} can't take it any more: ${refusal}.`);
  }

  if (sight.kind === 'Unknown' || sight.kind === 'Quiet' || other === undefined) {
    return moves(migration, `node ${source} does not answer`);
  }

  if (other.kind === 'Unknown') {
    return fail(`Node ${target} does not answer.`);
  }

  if (other.kind === 'Quiet') {
    return moves(migration, `node ${target} does not answer`, other.expiresAt - now + 1);
  }

  const arrived = instanceOf(other);
  if (arrived !== undefined && arrived.incoming === undefined) {
    return fail(`Node ${target} has an instance of it already, which is no copy.`);
  }

  if (isComplete(migration, {arrived, left: instanceOf(sight)})) {
    return switchOver(migration, options);
  }

  if (copy?.state === 'Failed' && copy.attempt === (migration.attempts ?? 0)) {
    const {copied: _, ...kept} = migration;
    const isCutOff = copy.code === 'Disconnected' || copy.code === 'NotPermittedNow';
    return isCutOff && copy.attempt < attempts
      ? {
          kind: 'Changed',
          status: {...status, migration: {...kept, attempts: copy.attempt + 1}},
          happenings: [],
        }
      : fail(copy.message.endsWith('.') ? copy.message : `${copy.message}.`);
  }

  if (sight.kind !== 'Present') {
    return cancel(`Its instance is gone from node ${source}.`);
  }

  if (copy?.state === 'Running') {
    return moves(migration, `${formatBytes(copy.copied)} are copied`, progressInterval);
  }

  return moves(
    migration,
    sight.instance.state === 'Stopped' ? 'its copy begins' : 'it is being stopped first',
  );
}

/** Whether the target has all that the source has, and the source can't have changed since. One that is gone can't either. */
function isComplete(
  {transfer}: Migration,
  {arrived, left}: {readonly arrived: Instance | undefined; readonly left: Instance | undefined},
): boolean {
  const isWhole =
    arrived?.incoming?.transfer === transfer && arrived.incoming.complete && arrived.state === 'Stopped';
  return (
    isWhole &&
    arrived.operation === undefined &&
    (left === undefined ||
      (left.state === 'Stopped' &&
        left.operation === undefined &&
        left.forwards.length === 0 &&
        left.departing?.transfer === transfer &&
        left.lastStartedAt === arrived.incoming?.sourceStartedAt))
  );
}

/** The one write by which the workspace goes from one node to the other. */
function switchOver(
  migration: Migration,
  {desired, status, candidates, gateway, other}: MoveOptions,
): Movement {
  const {source, target} = migration;
  const candidate = candidates().find(({node}) => node.metadata.name === target);
  if (candidate?.facts === undefined) {
    return moves(migration, `node ${target} does not answer`);
  }

  const {ports, missing} = allocatePorts(desired.ports, {
    previous: [],
    taken: candidate.takenPorts(),
    unusable: new Set(),
  });
  const lacking = missing.find(name => name !== 'ssh' || !gateway);
  if (lacking !== undefined) {
    const {first, last} = rangeOf(lacking);
    return moves(
      migration,
      `it is there, and waits for one of the ports ${first} to ${last}, which are all taken`,
    );
  }

  const host = candidate.node.spec.address;
  const sourceStartedAt = other?.kind === 'Present' ? other.instance.incoming?.sourceStartedAt : undefined;
  const {attempts: _, ...kept} = migration;
  const place = {node: target, ports, reserved: desired.reservation};
  const placed = withPlace(status, place);
  return {
    kind: 'Changed',
    status: {
      ...placed,
      ...(placed.ssh?.host !== undefined && {ssh: {...placed.ssh, host}}),
      migration: {...kept, phase: 'Switched', ...(sourceStartedAt !== undefined && {sourceStartedAt})},
    },
    place,
    happenings: [
      {
        type: 'Normal',
        reason: 'Moved',
        message: `It has gone from node ${source} to node ${target}: ${ports.map(({name, nodePort}) => `${name} on ${host}:${nodePort}`).join(', ')}.`,
      },
    ],
  };
}

function moves({source, target}: Migration, stage: string, requeueAfter?: number): Movement {
  return {
    kind: 'Moves',
    message: `It is moved from node ${source} to node ${target}: ${stage}.`,
    ...(requeueAfter !== undefined && {requeueAfter}),
  };
}
