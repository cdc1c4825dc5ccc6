import test from 'ava';
import {drainPrefix} from './run-seed.ts';
import {simulateSeeds} from './simulate-seeds.ts';

simulateSeeds(test, {prefix: drainPrefix, first: 1, count: 60, portion: 10});
