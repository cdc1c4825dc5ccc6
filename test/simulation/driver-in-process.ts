import type {Driver} from '../../agent/driver.ts';
import type {SimulatedProcess} from './simulated-process.ts';

/** A driver in the hands of one life of the agent: with its death the events end, while the backend goes on. */
export function driverIn(process: SimulatedProcess, driver: Driver): Driver {
  return {
    ...driver,
    async *events(signal) {
      for await (const event of driver.events(AbortSignal.any([signal, process.died]))) {
        await process.outside(Promise.resolve());
        yield event;
      }

      await process.outside(Promise.resolve());
    },
    async [Symbol.asyncDispose]() {},
  };
}
