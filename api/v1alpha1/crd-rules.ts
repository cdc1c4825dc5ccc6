/** A rule in CEL; `oldSelf` makes it one of changes. The message is what Nexus says of the same fault. */
export type Rule = {
  readonly rule: string;
  readonly message?: string;
  /** CEL, for a message that names what is wrong. */
  readonly messageExpression?: string;
};

export type Refinement = {
  readonly 'x-kubernetes-validations'?: readonly Rule[];
  readonly 'x-kubernetes-list-type'?: 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly maxProperties?: number;
};

const rules = (...list: readonly Rule[]): Refinement => ({'x-kubernetes-validations': list});

const unchanged = (field: string): Rule => ({
  rule: `!has(oldSelf.${field}) || (has(self.${field}) && self.${field} == oldSelf.${field})`,
  message: `${field} can't be changed: what was cloned stays; create another workspace for another repository`,
});

const positiveSize = rules({
  rule: `!self.matches('^[0.]*([kMGT]i?)?B?$')`,
  message: 'must be more than zero',
});

/**
 * What JSON Schema can't say, by the path of the field; `[]` stands for each item. It is what the schemas in this folder refuse by code, within what
 * Kubernetes lets a rule cost. What is left (cycles of more than two services) Nexus finds when it reads the object: Ready is False with
 * the reason InvalidSpec.
 */
export const workspaceRules: Readonly<Record<string, Refinement>> = {
  '': rules({
    rule: '!has(self.spec.node) || !has(self.status) || !has(self.status.node) || self.spec.node == self.status.node || (has(oldSelf.spec.node) && oldSelf.spec.node == self.spec.node)',
    message:
      "spec.node can't be changed: the workspace is placed already, and moves only when its node is drained (nexus node drain); or delete it and create it again there",
  }),
  spec: rules({
    rule: '!has(oldSelf.repo) || has(self.repo)',
    message: "repo can't be taken away: what was cloned stays",
  }),
  'spec.repo': rules(
    {
      rule: 'has(self.url) || has(self.bundle)',
      message: 'needs an address (url), or commits uploaded by nexus apply (bundle)',
    },
    unchanged('owner'),
    unchanged('name'),
    unchanged('url'),
  ),
  'spec.repo.name': rules({
    rule: `self.matches('^[A-Za-z0-9._][A-Za-z0-9._-]*$') && self != '.' && self != '..' && self.lowerAscii() != '.git'`,
    message: "must consist of letters, digits, '.', '_' and '-', and must not be .git or start with -",
  }),
  'spec.repo.branch': rules({
    rule: `self.matches('^[A-Za-z0-9_+@#][A-Za-z0-9._/+@#-]*$') && !self.contains('..') && !self.contains('//') && !self.contains('/.') && !self.contains('.lock/') && !self.endsWith('.lock') && !self.endsWith('/') && !self.endsWith('.')`,
    message: 'must be a branch name',
  }),
  'spec.nodeSelector': {
    maxProperties: 64,
    ...rules({
      rule: `self.all(key, key.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$'))`,
      message: 'its keys must be label keys such as app or example.com/app',
    }),
  },
  // Sizes in different units are compared by Nexus.
  'spec.resources': rules({
    rule: '!has(self.requests) || !has(self.requests.cpus) || self.requests.cpus <= double(self.cpus)',
    message: 'requests.cpus asks for more than resources.cpus lets it have',
  }),
  'spec.resources.requests.memory': positiveSize,
  'spec.resources.requests.disk': positiveSize,
  'spec.resources.memory': positiveSize,
  'spec.resources.disk': positiveSize,
  'spec.env': environment(),
  'spec.services': {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    ...rules(
      {
        rule: 'self.all(a, !has(a.port) || self.exists_one(b, has(b.port) && b.port == a.port))',
        message: 'two services have the same port',
      },
      {
        rule: 'self.all(a, !has(a.dependsOn) || a.dependsOn.all(d, self.exists(b, b.name == d)))',
        message: 'dependsOn names no service',
      },
      {
        rule: 'self.all(a, !has(a.dependsOn) || !(a.name in a.dependsOn))',
        message: 'dependsOn makes a cycle: a service depends on itself',
      },
    ),
  },
  'spec.services[]': rules(
    {rule: '!has(self.port) || self.port != 22', message: "port 22 is the workspace's own sshd"},
    {
      rule: '!has(self.healthCheck) || !has(self.healthCheck.http) || has(self.port) || has(self.healthCheck.port)',
      message: 'healthCheck.http needs a port: give the service one, or healthCheck.port',
    },
  ),
  'spec.services[].env': environment(),
  'spec.services[].healthCheck': rules({
    rule: '[has(self.http), has(self.tcp), has(self.command), has(self.process)].filter(given, given).size() <= 1',
    message: 'must be one of http, tcp, command and process',
  }),
  'spec.services[].healthCheck.timeout': rules({
    rule: "!self.contains('d') && duration(self) <= duration('5s')",
    message: 'must be at most 5s',
  }),
};

export const userRules: Readonly<Record<string, Refinement>> = {
  'spec.githubUsername': rules({
    rule: "self.matches('^[A-Za-z0-9][A-Za-z0-9-]*$') && !self.endsWith('-') && !self.contains('--')",
    message: 'must be a GitHub user name',
  }),
};

function environment(): Refinement {
  return {
    maxProperties: 500,
    ...rules({
      rule: "self.all(name, name.matches('^[A-Za-z_][A-Za-z0-9_]*$'))",
      message: 'names of variables must be letters, digits and _, not starting with a digit',
    }),
  };
}
