import test from 'ava';

/** Real backends that tests run on, each where its socket is told. */
export const backends = [
  {name: 'Incus', provider: 'lxc', variable: 'NEXUS_TEST_SOCKET'},
  {name: 'LXD', provider: 'lxc', variable: 'NEXUS_TEST_LXD_SOCKET'},
  {name: 'Docker', provider: 'docker', variable: 'NEXUS_TEST_DOCKER_SOCKET'},
  // Names of containers are the daemon's, so that it takes two of them to have one on two nodes.
  {name: 'another Docker', provider: 'docker', variable: 'NEXUS_TEST_OTHER_DOCKER_SOCKET'},
] as const;

export type RealBackend = {
  readonly name: string;
  readonly provider: 'lxc' | 'docker';
  readonly socket: string;
  readonly tarball: string;
};

/** Registers tests on a backend; where it is not to be had, one that is skipped by name, or fails in CI. */
export function onBackend(
  {name, provider, variable}: (typeof backends)[number],
  register: (backend: RealBackend) => void,
): void {
  const socket = process.env[variable];
  const tarball = process.env.NEXUS_TEST_IMAGE;
  if (socket && tarball) {
    register({name, provider, socket, tarball});
    return;
  }

  const title = `${name}: needs ${variable} (its unix socket) and NEXUS_TEST_IMAGE (a tarball by hack/build-image)`;
  if (process.env.CI) test(title, t => t.fail('in CI nothing is skipped'));
  else test.skip(title, t => t.fail());
}
