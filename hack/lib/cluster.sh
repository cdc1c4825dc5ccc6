# shellcheck shell=bash
# A Kubernetes API server to try things on. Needs log.sh, packages.sh and $root.

# start_cluster RUN: exports NEXUS_TEST_KUBECONFIG, unless it tells of a server already. NEXUS_ENVTEST is the folder of scripts that start one.
start_cluster() {
  local run=$1
  export NEXUS_ENVTEST=${NEXUS_ENVTEST:-${root:?}/../shared/envtest}
  step "Kubernetes API server"
  ensure_packages kubectl kubernetes-client xz xz-utils python3 python3
  # Debian's kubectl, which is old, beside whichever is on PATH: Nexus answers both.
  if (cd "$run" && apt-get download kubernetes-client && dpkg-deb -x kubernetes-client_*.deb debian) &>/dev/null; then
    export NEXUS_TEST_KUBECTL=$run/debian/usr/bin/kubectl
  else
    note "Debian's kubernetes-client can not be had: kubectl is tried in the versions that are here"
  fi
  if [[ -n ${NEXUS_TEST_KUBECONFIG:-} ]]; then
    return
  elif [[ ! -x $NEXUS_ENVTEST/up ]]; then
    warn "no NEXUS_TEST_KUBECONFIG, and no $NEXUS_ENVTEST/up: what needs a Kubernetes API server is left out"
    return
  fi
  NEXUS_TEST_KUBECONFIG=$(NEXUS_TEST_RUN=$run "$NEXUS_ENVTEST/up" "$run/cluster")
  export NEXUS_TEST_KUBECONFIG
}
