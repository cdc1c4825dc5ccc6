# shellcheck shell=bash
# Tells whether something would be lost with the instance. Arguments: directory or empty, then commits that are kept elsewhere.
# Whatever shows in $HOME counts as work, but for repositories in which everything is committed and on a remote (or part of a
# kept commit). Ignored files don't count, nor do hidden files outside repositories. What could not be looked at to the end, be it that
# git was killed for want of memory, counts as unsaved; the last line says that all before it has arrived.
set -o pipefail
directory=$1
shift
unsaved() {
  printf 'unsaved %s\n' "$1"
}
# Whether a command succeeds and has nothing to say.
silent() {
  local said
  said=$("$@" 2>&1 | head -c 1) && [ -z "$said" ]
}
check_repository() (
  cd "$1" || exit
  shift
  git rev-parse --git-dir >/dev/null 2>&1 || { unsaved "$PWD can not be read by git"; exit; }
  trees=$(git worktree list --porcelain) || exit
  while IFS= read -r tree; do
    silent git -C "$tree" status --porcelain --untracked-files=normal || unsaved "$tree has uncommitted changes"
  done < <(sed -n 's/^worktree //p' <<<"$trees")
  silent git stash list || unsaved "$PWD has stashed changes"
  kept=()
  for commit; do
    ! git cat-file -e "$commit^{commit}" 2>/dev/null || kept+=("$commit")
  done
  tips=(--branches)
  ! git rev-parse -q --verify HEAD >/dev/null || tips+=(HEAD)
  silent git rev-list -n 1 "${tips[@]}" --not --remotes "${kept[@]}" || unsaved "$PWD has commits that are nowhere else"
)
look_through() {
  check_repository "$@" || unsaved "$1 could not be looked through"
}
for entry in "$HOME"/*; do
  [ -e "$entry" ] || [ -L "$entry" ] || continue
  if [ "$entry" = "$HOME/$directory" ] && [ -d "$entry/.git" ]; then
    look_through "$entry" "$@"
  elif [ -d "$entry/.git" ]; then
    look_through "$entry"
  elif ! silent find "$entry" ! -type d -print -quit; then
    unsaved "$entry is in no repository"
  fi
done
if [ -n "$directory" ] && [ -d "$HOME/$directory/.git" ]; then
  facts "$HOME/$directory"
fi
printf 'inspected yes\n'
exit 0
