import {driverContract} from '../../contracts/driver-contract.ts';
import {backends, onBackend} from './backends.ts';
import {openLxd} from './fixture.ts';

onBackend(backends[1], ({name, socket, tarball}) => {
  driverContract(name, {open: async () => await openLxd(socket, tarball)});
});
