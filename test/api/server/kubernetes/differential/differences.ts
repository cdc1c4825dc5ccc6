/** Where Nexus answers otherwise than a cluster; each stands in docs/kubernetes.md with its reason, by this text. */
export const differences = {
  finalizer: 'A workspace has its finalizer from its creation',
  owner: 'A workspace that names no owner belongs to the caller',
  descriptions: "Descriptions of Kubernetes' own fields are Nexus's",
  unreadable: 'What can not be read is refused in other words',
  jsonPatch: 'A JSON patch that does not apply says where and why',
  versionedCreate: 'A resourceVersion on creation is refused with 400',
  protobuf: 'Resources are JSON only',
  selectors: 'Selectors by `!=` of fields, and by `gt` and `lt` of labels, are refused',
  propagation: 'Every deletion is a Background one',
  exact: 'Lists are of now',
  future: 'A watch from a version that there is not yet is Expired at once',
  past: 'A watch can begin a day ago',
  generateName: '`generateName` is not kept',
  methods: 'What is not there, and methods that are not taken, are refused in other words',
  allNamespaces: 'Objects of all namespaces in JSON are shown without a namespace',
  discovery: 'There is one group',
} as const;

export type Difference = keyof typeof differences;
