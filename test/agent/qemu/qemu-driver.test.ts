import {driverContract} from '../../contracts/driver-contract.ts';
import {onQemu, openQemu} from './fixture.ts';

onQemu(qemu => {
  driverContract('QEMU', {
    open: async () => await openQemu(qemu),
    lacks: {
      OfflineFiles: 'the disk of a machine that does not run is read by nobody but QEMU',
      Network: 'each machine is alone on a network of its own (machine-life.test.ts)',
    },
  });
});
