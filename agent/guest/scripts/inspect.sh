# shellcheck shell=bash
# Tells whether something would be lost with the instance. Arguments: directory or empty, then commits that are kept elsewhere.
# Whatever shows in $HOME counts as work, but for repositories in which everything is committed and on a remote (or part of a
# kept commit). Ignored files don't count, nor do hidden files outside repositories.
directory=$1
shift
unsaved() {
  printf 'unsaved %s\n' "$1"
}
check_repository() (
  cd "$1" || exit
  shift
  git rev-parse --git-dir >/dev/null 2>&1 || { unsaved "$PWD can not be read by git"; exit; }
  git worktree list --porcelain | sed -n 's/^worktree //p' | while IFS= read -r tree; do
    changed=$(git -C "$tree" status --porcelain --untracked-files=normal 2>&1 | head -c 1)
    [ -z "$changed" ] || unsaved "$tree has uncommitted changes"
  done
  [ -z "$(git stash list | head -c 1)" ] || unsaved "$PWD has stashed changes"
  kept=()
  for commit; do
    ! git cat-file -e "$commit^{commit}" 2>/dev/null || kept+=("$commit")
  done
  tips=(--branches)
  ! git rev-parse -q --verify HEAD >/dev/null || tips+=(HEAD)
  ahead=$(git rev-list -n 1 "${tips[@]}" --not --remotes "${kept[@]}" 2>&1)
  [ -z "$ahead" ] || unsaved "$PWD has commits that are nowhere else"
)
for entry in "$HOME"/*; do
  if [ "$entry" = "$HOME/$directory" ] && [ -d "$entry/.git" ]; then
    check_repository "$entry" "$@"
  elif [ -d "$entry/.git" ]; then
    check_repository "$entry"
  elif [ -n "$(find "$entry" ! -type d -print -quit 2>/dev/null)" ]; then
    unsaved "$entry is in no repository"
  fi
done
if [ -n "$directory" ] && [ -d "$HOME/$directory/.git" ]; then
  facts "$HOME/$directory"
fi
exit 0
