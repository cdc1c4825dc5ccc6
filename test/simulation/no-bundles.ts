import type {BundleCache} from '../../agent/repository/bundle-cache.ts';
import {AgentError} from '../../api/agent/v1alpha1/agent-error.ts';

/** Simulated repositories all have a remote. */
export const noBundles: BundleCache = {
  has: async () => false,
  put: () => Promise.reject(new AgentError('Unsupported', 'simulated: no bundles')),
  open: () => Promise.reject(new AgentError('NotFound', 'simulated: no bundles')),
};
