import {systemClock} from '../../api/effects/clock.ts';
import {driverContract} from '../contracts/driver-contract.ts';
import {createFakeDriver} from './fake-driver.ts';

driverContract('fake', {
  lacks: {Inside: 'instances are made of memory'},
  async open() {
    const driver = createFakeDriver({clock: systemClock, duration: () => 5});
    return {
      driver,
      byHand: driver.byHand,
      image: 'nexus/base',
      elsewhere: async () => createFakeDriver({clock: systemClock, duration: () => 5}),
      [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
    };
  },
});
