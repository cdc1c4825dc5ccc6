import {dockerKind} from './docker/kind.ts';
import {lxdKind} from './lxd/kind.ts';
import type {ProviderKind} from './node-driver.ts';
import {qemuKind} from './qemu/kind.ts';

/** All that this agent can drive, in the order in which people are told of them. */
export const providerKinds: readonly ProviderKind[] = [lxdKind, dockerKind, qemuKind];
