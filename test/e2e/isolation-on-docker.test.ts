import {backends, onBackend} from '../agent/lxd/backends.ts';
import {isolationSuite} from './isolation/suite.ts';

onBackend(backends[2], ({tarball}) => isolationSuite({tarball, backend: 'docker', provider: 'docker'}));
