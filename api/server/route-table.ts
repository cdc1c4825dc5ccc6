import {loadCelRules} from '../resource-schema/cel-rules.ts';
import type {RuleHolds} from '../resource-schema/check-rules.ts';
import {servedKinds} from '../v1alpha1/validate.ts';
import {bundleRoutes} from './bundle-routes.ts';
import {discoveryRoutes} from './discovery-routes.ts';
import {eventRoutes} from './event-routes.ts';
import {gatewayRoutes} from './gateway-routes.ts';
import {healthRoutes} from './health-routes.ts';
import {createObjectRequests} from './kubernetes/object-requests.ts';
import {objectRoutes} from './kubernetes/object-routes.ts';
import {kubeOpenapiRoutes} from './kubernetes/openapi-routes.ts';
import {kubernetesAccessRoutes} from './kubernetes-access-routes.ts';
import {nodeRoutes} from './node-routes.ts';
import {nodeSetupRoutes} from './node-setup-routes.ts';
import {openapiRoutes} from './openapi-routes.ts';
import {registrationRoutes} from './registration-routes.ts';
import {resourceRoutes} from './resource-routes.ts';
import type {Route} from './route.ts';
import type {RouteContext} from './route-context.ts';
import {createSerialisedObjects} from './serialised-objects.ts';
import {serviceRoutes} from './service-routes.ts';
import {streamRoutes} from './stream-routes.ts';
import {userRoutes} from './user-routes.ts';
import {workspaceRoutes} from './workspace-routes.ts';

/** All that is served: mounted from here, and documented from here. */
export function createRouteTable(context: RouteContext): readonly Route[] {
  const resources = {
    authorized: context.authorized,
    metrics: context.metrics,
    clock: context.clock,
    serialised: createSerialisedObjects(),
  };
  let loaded: Promise<RuleHolds> | undefined;
  const rules = () => {
    loaded ??= loadCelRules();
    return loaded;
  };

  const table = [
    ...healthRoutes(context),
    ...discoveryRoutes(context),
    ...kubeOpenapiRoutes(context),
    ...kubernetesAccessRoutes(context),
    ...servedKinds.flatMap(kind => {
      const requests = createObjectRequests(context.resources.of(kind), {...context, rules});
      return [
        ...resourceRoutes(kind, {...resources, kubeList: requests.list}),
        ...objectRoutes(context.resources.of(kind), requests),
      ];
    }),
    ...workspaceRoutes(context),
    ...serviceRoutes(context),
    ...streamRoutes(),
    ...gatewayRoutes(context),
    ...registrationRoutes(context),
    ...userRoutes(context),
    ...bundleRoutes(context),
    ...nodeRoutes(context),
    ...nodeSetupRoutes(context),
    ...eventRoutes(context),
  ];
  return [...table, ...openapiRoutes(table, context.version)];
}
