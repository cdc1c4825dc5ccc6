import {createDriverSuite} from '../../contracts/driver/suite.ts';
import {arrivalContract} from '../../contracts/driver/transfer.ts';
import {backends, onBackend} from './backends.ts';
import {openLxd} from './fixture.ts';

const [incus, lxd] = backends;

onBackend(incus, ({socket: ofIncus, tarball}) => {
  onBackend(lxd, ({socket: ofLxd}) => {
    for (const [name, from, to] of [
      ['from Incus to LXD', ofIncus, ofLxd],
      ['from LXD to Incus', ofLxd, ofIncus],
    ] as const) {
      arrivalContract(createDriverSuite(name, {open: async () => await openLxd(from, tarball, to)}));
    }
  });
});
