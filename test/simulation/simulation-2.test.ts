import test from 'ava';
import {simulateSeeds} from './simulate-seeds.ts';

simulateSeeds(test, {first: 251, count: 250, portion: 25});
