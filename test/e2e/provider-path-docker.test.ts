import {readFile} from 'node:fs/promises';
import {agentHome} from '../../agent/system/agent-home.ts';
import {dockerByHand} from '../agent/docker/by-hand.ts';
import {backends, onBackend} from '../agent/lxd/backends.ts';
import {createInstallation} from './installation.ts';
import {providerPath} from './provider-path.ts';

onBackend(backends[2], ({name: title, socket, tarball}) => {
  providerPath(title, {
    provider: 'docker',
    async open() {
      const nexus = await createInstallation({provider: 'docker', socket, tarball});
      const installation = (await readFile(agentHome(nexus.home).installationFile, 'utf8')).trim();
      const hand = dockerByHand(socket, '');
      return {
        nexus,
        hand: {
          stop: hand.stop,
          freeze: hand.freeze,
          remove: hand.delete,
          left: async () => await hand.all(installation),
        },
      };
    },
  });
});
