# shellcheck shell=bash
# Takes new commits into the clone; merges by fast-forward only. Arguments and input as for clone.sh.
directory=$1 branch=$3 commit=$4 credential=$5
target=$HOME/$directory
[ -d "$target/.git" ] || { printf 'nexus: there is no clone at %s\n' "$target" >&2; exit 18; }
cd "$target" || exit 1
if [ -n "$commit" ]; then
  work=$(mktemp -d "$HOME/.nexus-clone.XXXXXX") || exit 1
  cat >"$work/bundle" || exit 1
  source=HEAD
  [ -z "$branch" ] || source=refs/heads/$branch
  bundle_git fetch --quiet --no-tags "$work/bundle" "$source" || exit 1
  wanted=$commit
  git update-ref refs/nexus/bundle "$wanted" || exit 1
else
  take_credential "$credential"
  network_git fetch --quiet origin || exit 1
  wanted=$(git rev-parse -q --verify "refs/remotes/origin/$branch" || git rev-parse -q --verify '@{upstream}')
fi

current=$(git symbolic-ref -q --short HEAD)
if [ -z "$wanted" ] || git merge-base --is-ancestor "$wanted" HEAD; then
  :
elif [ -n "$branch" ] && [ "$current" != "$branch" ]; then
  printf 'notMerged %s is checked out, not %s\n' "$current" "$branch"
elif ! git merge-base --is-ancestor HEAD "$wanted"; then
  printf 'notMerged the clone has commits of its own\n'
elif [ -n "$(git status --porcelain --untracked-files=no)" ]; then
  printf 'notMerged the clone has uncommitted changes\n'
else
  git merge --quiet --ff-only "$wanted" >&2 || printf 'notMerged git merge --ff-only refused, see its untracked files\n'
fi
facts "$target"
