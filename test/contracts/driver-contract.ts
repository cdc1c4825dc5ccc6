import {creationContract} from './driver/creation.ts';
import {driftContract} from './driver/drift.ts';
import {eventsContract} from './driver/events.ts';
import {execContract} from './driver/exec.ts';
import {filesContract} from './driver/files.ts';
import {settingsContract} from './driver/settings.ts';
import {stateContract} from './driver/state.ts';
import type {DriverContractOptions} from './driver/suite.ts';
import {createDriverSuite} from './driver/suite.ts';
import {transferContract} from './driver/transfer.ts';

/** Registers the tests that hold for every driver, one fixture for all of them. */
export function driverContract(name: string, options: DriverContractOptions): void {
  const suite = createDriverSuite(name, options);
  creationContract(suite);
  stateContract(suite);
  driftContract(suite);
  settingsContract(suite);
  execContract(suite);
  filesContract(suite);
  transferContract(suite);
  eventsContract(suite);
  suite.tellLeftOut();
}
