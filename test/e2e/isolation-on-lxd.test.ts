import {backends, onBackend} from '../agent/lxd/backends.ts';
import {isolationSuite} from './isolation/suite.ts';

onBackend(backends[1], ({tarball}) => isolationSuite({tarball, backend: 'lxd', provider: 'lxc'}));
