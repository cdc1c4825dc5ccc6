import type {Instance} from '../../api/agent/v1alpha1/instance.ts';
import type {ServiceStatus} from '../../api/v1alpha1/workspace.ts';
import type {Finding} from './conditions.ts';
import {failed, no, silence, yes} from './conditions.ts';
import type {Evidence} from './findings.ts';
import {isSatisfied} from './service-status.ts';
import {instanceOf} from './sight.ts';

export function findRepositoryCloned({desired, sight, book}: Evidence): Finding {
  if (desired.repository === undefined) {
    return yes('NotDeclared', 'It has no repository.');
  }

  if (sight.kind === 'Unknown') {
    return undefined;
  }

  const instance = instanceOf(sight);
  if (instance?.repository !== undefined) {
    const {branch, commit} = instance.repository;
    const what = [branch, commit?.slice(0, 12)].filter(part => part !== undefined).join(' at ');
    return yes('Cloned', `It is in /home/dev/${desired.directory}${what === '' ? '' : `, ${what}`}.`);
  }

  return (
    failed(book, 'Clone') ??
    (instance?.operation?.kind === 'Clone'
      ? no('Cloning', 'It is being cloned.')
      : no('Waiting', 'It is cloned once sshd answers.'))
  );
}

export function findSetupSucceeded({desired, sight, book}: Evidence): Finding {
  const {configuration} = desired;
  if (configuration.state === 'Invalid') {
    return no('ConfigurationInvalid', `.nexus/config.yaml in the repository: ${configuration.problem}`);
  }

  if (sight.kind === 'Unknown') {
    return undefined;
  }

  if (configuration.state === 'Pending') {
    return no('Waiting', 'The setup commands are read from the repository once it is cloned.');
  }

  const {commands, hash} = configuration.setup;
  if (commands.length === 0) {
    return yes('NotDeclared', 'It has no setup commands.');
  }

  const setup = instanceOf(sight)?.setup;
  if (setup?.hash !== hash) {
    return failed(book, 'Setup') ?? no('Waiting', 'The setup commands run once the repository is there.');
  }

  return findSetup(setup, commands, {desired, book});
}

function findSetup(
  setup: NonNullable<Instance['setup']>,
  commands: readonly string[],
  {desired, book}: Pick<Evidence, 'desired' | 'book'>,
): Finding {
  const step = commands[setup.step ?? 0] ?? '';
  switch (setup.state) {
    case 'Succeeded':
      return yes('Succeeded', 'The setup commands have run.');
    case 'Running':
      return no('Running', `Running: ${brief(step)}`);
    case 'Failed': {
      const code = setup.exitCode === undefined ? 'failed' : `ended with exit code ${setup.exitCode}`;
      const output = setup.message === undefined ? '' : ` Its last output: ${setup.message.trim()}.`;
      const again = failed(book, 'Setup')?.message.match(/Failed .*$/)?.[0] ?? '';
      return no(
        'SetupFailed',
        `"${brief(step)}" ${code}.${output} See: nexus logs ${desired.name} --setup. ${again}`.trim(),
      );
    }
  }
}

export function findServicesHealthy({desired, sight, status, services, book}: Evidence): Finding {
  if (sight.kind === 'Unknown') {
    return silence(sight, status.observedAt);
  }

  const {configuration} = desired;
  if (!desired.running) {
    return no('Stopped', 'It is stopped.');
  }

  if (configuration.state !== 'Known') {
    return no('Waiting', 'The services are read from the repository once it is cloned.');
  }

  if (configuration.services.length === 0) {
    return yes('NotDeclared', 'It has no services.');
  }

  if (instanceOf(sight)?.servicesHash !== configuration.servicesHash) {
    return failed(book, 'ApplyServices') ?? no('Waiting', 'The services start once setup has succeeded.');
  }

  const unmet = configuration.services.flatMap(service => {
    const seen = services.find(({name}) => name === service.name);
    return seen === undefined || isSatisfied(service, seen) ? [] : [seen];
  });
  return unmet.length === 0
    ? yes('Healthy', 'All services are healthy.')
    : no(unmetReason(unmet), `${unmet.map(describeService).join('; ')}.`);
}

function unmetReason(unmet: readonly ServiceStatus[]): string {
  if (unmet.some(({status}) => status === 'Failed' || status === 'BackOff' || status === 'Exited')) {
    return 'ServiceFailed';
  }

  return unmet.some(({status}) => status === 'Unhealthy') ? 'ServiceUnhealthy' : 'ServicesStarting';
}

function describeService({name, status, exitCode, lastError}: ServiceStatus): string {
  const code = exitCode === undefined ? '' : `, exit code ${exitCode}`;
  const error = lastError === undefined ? '' : `: ${brief(lastError)}`;
  return `${name} is ${status}${code}${error}`;
}

/** The first line, at most 200 characters. */
function brief(text: string): string {
  const [line = ''] = text.split('\n');
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
