import {driverContract} from '../../contracts/driver-contract.ts';
import {backends, onBackend} from '../lxd/backends.ts';
import {openDocker} from './fixture.ts';

onBackend(backends[2], ({name, socket, tarball}) => {
  onBackend(backends[3], ({socket: otherSocket}) => {
    driverContract(name, {
      open: async () => await openDocker(socket, tarball, otherSocket),
      lacks: {
        Templates:
          'Docker itself puts hostname, hosts and resolv.conf in place, where nobody inside can replace them',
      },
    });
  });
});
