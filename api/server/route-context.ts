import type {AppOptions, Limits} from './app-options.ts';
import type {AuditLog} from './audit-log.ts';
import type {AuthorizedStorage} from './authorized-storage.ts';
import type {HttpMetrics} from './http-metrics.ts';
import type {FieldOwners} from './kubernetes/field-owners.ts';
import type {KubeResources} from './kubernetes/kube-resource.ts';
import type {Tokens} from './tokens.ts';

/** What the routes are made of. */
export type RouteContext = Omit<AppOptions, 'limits'> & {
  readonly limits: Limits;
  readonly tokens: Tokens;
  readonly metrics: HttpMetrics;
  readonly authorized: AuthorizedStorage;
  readonly audit: AuditLog;
  readonly resources: KubeResources;
  readonly owners: FieldOwners;
};
