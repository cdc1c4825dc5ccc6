import type {Action} from './action.ts';
import {isHeld} from './failures.ts';
import type {Present, Proposal} from './situation.ts';

/** Once sshd answers: the repository, then new commits, then setup, then services; each only after what it needs. */
export function planContent(present: Present): Proposal {
  const fetch = planFetch(present);
  if (fetch !== undefined && !isHeld(present.book, fetch, present.now)) {
    return {actions: [fetch]};
  }

  const next = planClone(present) ?? planSetup(present) ?? planServices(present) ?? {};
  // New commits that can't be had just now keep nothing else from being done.
  return fetch === undefined ? next : {...next, actions: [fetch, ...(next.actions ?? [])]};
}

function planClone({desired, instance}: Present): Proposal | undefined {
  return desired.repository !== undefined && instance.repository === undefined
    ? {actions: [{type: 'Clone', repository: desired.repository}]}
    : undefined;
}

function planFetch({desired: {repository}, instance}: Present): Action | undefined {
  const wanted = repository?.bundle?.commit;
  const present = instance.repository;
  const isNew =
    wanted !== undefined &&
    present !== undefined &&
    present.bundleCommit !== wanted &&
    present.commit !== wanted;
  return isNew && repository !== undefined ? {type: 'Fetch', repository} : undefined;
}

function planSetup({desired, instance}: Present): Proposal | undefined {
  const {configuration, directory, deadlines} = desired;
  if (configuration.state !== 'Known') {
    const message =
      configuration.state === 'Invalid' ? configuration.problem : 'The repository has not been read yet.';
    return {wait: {reason: 'Configuration', message}};
  }

  const {commands, hash} = configuration.setup;
  const {setup} = instance;
  if (commands.length === 0 || (setup?.hash === hash && setup.state === 'Succeeded')) {
    return undefined;
  }

  // One that runs and has no operation was left by a stop: asked for again, the node goes on with it.
  const {env} = configuration;
  return {actions: [{type: 'Setup', hash, commands, directory, env, timeout: deadlines.setup}]};
}

function planServices({desired, instance}: Present): Proposal | undefined {
  const {configuration, directory} = desired;
  if (configuration.state !== 'Known') {
    return undefined;
  }

  const {services, servicesHash: hash, env} = configuration;
  const isApplied =
    instance.servicesHash === hash || (instance.servicesHash === undefined && services.length === 0);
  return isApplied ? undefined : {actions: [{type: 'ApplyServices', hash, directory, env, services}]};
}
