import type {Present, Proposal} from './situation.ts';

/** Milliseconds after which a state that should pass by itself is looked at again. */
const transitionInterval = 5000;

/** Brings the instance up or down. Undefined once it runs, its sshd answers, and it is to run. */
export function planPower({desired, instance, hasRoom}: Present): Proposal | undefined {
  const timeout = desired.deadlines.stop;
  if (instance.retired !== undefined) {
    return {actions: [{type: 'Restore'}]};
  }

  switch (instance.state) {
    case 'Running':
      return desired.running ? undefined : {actions: [{type: 'Stop', force: false, timeout}]};
    case 'Stopped':
      return desired.running ? planStart(instance, hasRoom) : {};
    case 'Frozen':
      return desired.running
        ? {actions: [{type: 'Unfreeze'}]}
        : {actions: [{type: 'Stop', force: true, timeout}]};
    case 'Error':
      return {actions: [{type: 'Stop', force: true, timeout}]};
    case 'Creating':
    case 'Starting':
    case 'Stopping':
    case 'Missing':
      return {
        wait: {
          reason: 'Transition',
          message: `It is ${instance.state.toLowerCase()}.`,
          requeueAfter: transitionInterval,
        },
      };
  }
}

/** It goes on when room is made: that is heard of. */
export const noRoom: Proposal = {wait: {reason: 'NoRoom', message: 'Its node has no room for it.'}};

/** A backend renames stopped instances only, so the name is put right before the start. */
function planStart({uid, name}: Present['instance'], hasRoom: boolean): Proposal {
  if (!hasRoom) {
    return noRoom;
  }

  return {actions: [name === instanceName(uid) ? {type: 'Start'} : {type: 'Rename'}]};
}

/** The name that an instance has on every backend. */
export function instanceName(uid: string): string {
  return `nexus-${uid}`;
}
