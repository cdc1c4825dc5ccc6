# shellcheck shell=bash
# Node.js and the npm packages of this checkout. Needs log.sh, packages.sh and $root, the checkout.

# ensure_node_modules: as package-lock.json says, Node.js itself included; does nothing if they are.
ensure_node_modules() {
  local node=${root:?}/node_modules/.bin/node reason
  if [[ -x $node ]] && reason=$("$node" "$root/hack/lib/installed.ts" 2>/dev/null); then
    return
  fi
  # Any Node.js that runs npm will do for this: the one that Nexus runs on is among the packages.
  ensure_packages node nodejs npm npm
  note "installing npm packages${reason:+ ($reason)}"
  # Native modules come with binaries; no package's install script is needed or run.
  quietly npm ci --prefix "$root" --ignore-scripts --no-fund --no-audit --loglevel=error || die "npm ci failed" \
    "check that npm can reach its registry: npm ping" "then run: cd $root && npm ci --ignore-scripts"
  [[ -x $node ]] || die "there is no Node.js 24 for $(uname -s) $(uname -m) among the packages" \
    "Nexus runs on x86-64 and ARM64"
}
