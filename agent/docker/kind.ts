import type {ProviderKind} from '../node-driver.ts';
import {firstSocket} from '../system/first-socket.ts';
import {createDockerDriver} from './driver.ts';

const usualPlaces = ['/run/docker.sock', '/var/run/docker.sock'];

export const dockerKind: ProviderKind = {
  provider: 'docker',
  title: 'Docker',
  makes: 'network',
  imageForm: 'container',
  cure: 'Start it: hack/backend start --kind docker, or systemctl start docker.',

  async find({config, env}) {
    const given = env.DOCKER_HOST?.startsWith('unix://') ? [env.DOCKER_HOST.slice('unix://'.length)] : [];
    return config.socket ?? (await firstSocket([...given, ...usualPlaces]));
  },

  open: ({place, ...options}) => createDockerDriver({socket: place, ...options}),
};
