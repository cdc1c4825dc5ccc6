import type {z} from 'zod';
import type {Service} from './service.ts';

/** Refuses duplicate names and ports, unknown dependencies and cycles, each at the path of what is wrong. */
export function checkServices(services: Service[], context: z.RefinementCtx<Service[]>): void {
  const report = (path: (string | number)[], message: string) => {
    context.addIssue({code: 'custom', path, message});
  };

  const names = services.map(({name}) => name);
  for (const [index, service] of services.entries()) {
    if (names.indexOf(service.name) < index) {
      report([index, 'name'], `is used twice: ${service.name}`);
    }

    const rival = services.findIndex(({port}) => port !== undefined && port === service.port);
    if (rival !== -1 && rival < index) {
      report([index, 'port'], `${service.port} is already the port of ${services[rival]?.name}`);
    }

    if (service.port === 22) {
      report([index, 'port'], "22 is the workspace's own sshd");
    }

    if (
      service.healthCheck?.http !== undefined &&
      service.port === undefined &&
      service.healthCheck.port === undefined
    ) {
      report([index, 'healthCheck', 'http'], 'needs a port: give the service one, or healthCheck.port');
    }

    for (const [position, dependency] of service.dependsOn.entries()) {
      if (!names.includes(dependency)) {
        report(
          [index, 'dependsOn', position],
          `names no service: ${dependency} (there are: ${names.join(', ')})`,
        );
      }
    }
  }

  const cycle = findCycle(services);
  if (cycle !== undefined) {
    report([names.indexOf(cycle[0] ?? ''), 'dependsOn'], `makes a cycle: ${cycle.join(' → ')}`);
  }
}

/** Names of services so that each comes after what it depends on; among equals, the declared order. Needs a graph without cycles. */
export function startOrder(services: readonly Pick<Service, 'name' | 'dependsOn'>[]): string[] {
  const order: string[] = [];
  const visit = (name: string) => {
    const service = services.find(candidate => candidate.name === name);
    if (service === undefined || order.includes(name)) {
      return;
    }

    for (const dependency of service.dependsOn) {
      visit(dependency);
    }

    order.push(name);
  };

  for (const {name} of services) {
    visit(name);
  }

  return order;
}

function findCycle(services: readonly Service[]): string[] | undefined {
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): string[] | undefined => {
    const start = trail.indexOf(name);
    if (start !== -1) {
      return [...trail.slice(start), name];
    }

    if (done.has(name)) {
      return undefined;
    }

    for (const dependency of services.find(service => service.name === name)?.dependsOn ?? []) {
      const cycle = visit(dependency, [...trail, name]);
      if (cycle !== undefined) {
        return cycle;
      }
    }

    done.add(name);
    return undefined;
  };

  for (const {name} of services) {
    const cycle = visit(name, []);
    if (cycle !== undefined) {
      return cycle;
    }
  }

  return undefined;
}
