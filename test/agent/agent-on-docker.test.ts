import {agentLife} from './agent-life.ts';
import {backends, onBackend} from './lxd/backends.ts';

onBackend(backends[2], agentLife);
