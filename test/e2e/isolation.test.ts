import {backends, onBackend} from '../agent/lxd/backends.ts';
import {exhaustion} from './isolation/exhaustion.ts';
import {isolationSuite} from './isolation/suite.ts';

onBackend(backends[0], ({tarball}) =>
  isolationSuite({tarball, backend: 'incus', provider: 'lxc', more: exhaustion}),
);
