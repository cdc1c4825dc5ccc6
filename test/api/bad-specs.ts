const service = {name: 'web', command: 'npm start'};

/** Specs of a workspace that must not be accepted: what is wrong, where, and what is said of it. */
export const badSpecs: readonly (readonly [title: string, spec: object, field: string, says: RegExp])[] = [
  ['an unknown field', {servces: []}, 'spec.servces', /did you mean services\?/],
  [
    'an unknown field of a service',
    {services: [{...service, prot: 1}]},
    'spec.services[0].prot',
    /did you mean port\?/,
  ],
  ['port 0', {services: [{...service, port: 0}]}, 'spec.services[0].port', /between 1 and 65535/],
  ['port 22', {services: [{...service, port: 22}]}, 'spec.services[0].port', /sshd/],
  ['port 70000', {services: [{...service, port: 70_000}]}, 'spec.services[0].port', /between 1 and 65535/],
  [
    'a port that is a text',
    {services: [{...service, port: '80'}]},
    'spec.services[0].port',
    /must be a whole number/,
  ],
  [
    'a port used twice',
    {
      services: [
        {...service, port: 1234},
        {...service, name: 'b', port: 1234},
      ],
    },
    'spec.services[1].port',
    /already the port of web/,
  ],
  ['a service named twice', {services: [service, service]}, 'spec.services[1].name', /used twice/],
  [
    'a cycle',
    {
      services: [
        {...service, name: 'a', dependsOn: ['b']},
        {...service, name: 'b', dependsOn: ['a']},
      ],
    },
    'spec.services[0].dependsOn',
    /a → b → a/,
  ],
  [
    'a dependency that is not there',
    {services: [{...service, dependsOn: ['db']}]},
    'spec.services[0].dependsOn[0]',
    /names no service: db/,
  ],
  [
    'a repository address that is an option',
    {repo: {name: 'x', url: '--upload-pack=touch /tmp/x'}},
    'spec.repo.url',
    /repository address/,
  ],
  [
    'a repository address that runs a command',
    {repo: {name: 'x', url: 'ext::sh -c whoami'}},
    'spec.repo.url',
    /repository address/,
  ],
  [
    'a repository that is a local path',
    {repo: {name: 'x', url: 'file:///etc'}},
    'spec.repo.url',
    /repository address/,
  ],
  [
    'a folder that leads out',
    {repo: {name: '..', url: 'https://example.com/a.git'}},
    'spec.repo.name',
    /consist of letters/,
  ],
  [
    'a branch that is an option',
    {repo: {name: 'x', url: 'https://example.com/a.git', branch: '--orphan'}},
    'spec.repo.branch',
    /branch name/,
  ],
  ['an image that is an option', {image: '--force'}, 'spec.image', /must be an image/],
  ['a provider that nobody knows', {provider: 'lxd'}, 'spec.provider', /did you mean lxc\?/],
  ['an environment that is no environment', {env: {'A B': '1'}}, 'spec.env["A B"]', /letters, digits and _/],
  ['no memory at all', {resources: {memory: '0GiB'}}, 'spec.resources.memory', /more than zero/],
  ['an owner that is nobody', {owner: 'nobody'}, 'spec.owner', /names no User/],
];
