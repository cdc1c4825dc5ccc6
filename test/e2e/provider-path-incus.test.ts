import {backends, onBackend} from '../agent/lxd/backends.ts';
import {createInstallation} from './installation.ts';
import {providerPath} from './provider-path.ts';

onBackend(backends[0], ({name: title, socket, tarball}) => {
  providerPath(title, {
    provider: 'lxc',
    async open() {
      const nexus = await createInstallation({socket, tarball});
      const {backend} = nexus;
      return {
        nexus,
        hand: {
          stop: async name => await backend.state(name, 'stop'),
          freeze: async name => await backend.state(name, 'freeze'),
          async remove(name) {
            await backend.state(name, 'stop');
            await backend.call('DELETE', `/1.0/instances/${name}`);
          },
          left: async () => (await backend.instances()).map(({name}) => name),
        },
      };
    },
  });
});
