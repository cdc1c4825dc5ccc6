# shellcheck shell=bash
# Clones whole or not at all. Arguments: directory, url, branch, commit of the bundle, type of credential; what is not known is empty.
# Standard input: the bundle, or the credential.
directory=$1 url=$2 branch=$3 commit=$4 credential=$5
target=$HOME/$directory
if [ -n "$(ls -A "$target" 2>/dev/null)" ]; then
  if [ -d "$target/.git" ] && {
    [ -n "$url" ] && [ "$(git -C "$target" config --get remote.origin.url)" = "$url" ] ||
      [ -n "$commit" ] && git -C "$target" cat-file -e "$commit^{commit}" 2>/dev/null
  }; then
    facts "$target"
    exit 0
  fi
  printf 'nexus: %s is there already and holds something else; move it away\n' "$target" >&2
  exit 17
fi

rm -rf "$HOME"/.nexus-clone.*
work=$(mktemp -d "$HOME/.nexus-clone.XXXXXX") || exit 1
options=(--quiet)
[ -z "$branch" ] || options+=(--branch "$branch")
if [ -n "$commit" ]; then
  cat >"$work/bundle" || exit 1
  bundle_git clone "${options[@]}" -- "$work/bundle" "$work/clone" || exit 1
  cd "$work/clone" || exit 1
  git rev-parse -q --verify "$commit^{commit}" >/dev/null || { printf 'nexus: the bundle does not hold commit %s\n' "$commit" >&2; exit 1; }
  [ "$(git rev-parse -q --verify HEAD)" = "$commit" ] || git checkout -q -B "${branch:-main}" "$commit" || exit 1
  if [ -n "$url" ]; then git remote set-url origin "$url"; else git remote remove origin; fi
  cd "$HOME" || exit 1
else
  take_credential "$credential"
  network_git clone "${options[@]}" -- "$url" "$work/clone" || exit 1
fi
[ ! -d "$target" ] || rmdir "$target" || exit 1
mv -T "$work/clone" "$target" || exit 1
printf 'fresh yes\n'
facts "$target"
